import OpenSSL
import TestPeers
import Testing

/// What server contexts add to a session: the choice of a certificate, client certificates, resumption.
@Suite struct ServerContextTests {
  private struct Setup: Sendable {
    let authority: CertificateAuthority
    let main: TLSIdentity
    let clientIdentity: TLSIdentity

    init() throws {
      authority = try CertificateAuthority()
      main = try Self.identity(authority, ["DNS:main.test"])
      clientIdentity = try Self.identity(authority, [], commonName: "worker 7", usage: "clientAuth")
    }

    static func identity(
      _ authority: CertificateAuthority, _ names: [String], commonName: String = "test", usage: String = "serverAuth"
    ) throws -> TLSIdentity {
      let made = try authority.identity(names: names, commonName: commonName, usage: usage)
      return TLSIdentity(certificateChain: made.certificate, privateKey: made.privateKey)
    }

    static let shared = Result { try Setup() }
  }

  /// Both ends after their handshake, or the failures.
  private struct Ends: ~Copyable {
    var client: TLSSession
    var server: TLSSession
    var failures: [TLSFailure] = []

    init(_ client: TLSContext, _ server: TLSContext, name: String) throws {
      let clientEnd = try TLSSession.client(client, serverName: name)
      let serverEnd = try TLSSession.server(server)
      self.client = clientEnd
      self.server = serverEnd
      while self.client.hasOutput || self.server.hasOutput {
        var bytes: [UInt8] = []
        self.client.takeOutput(into: &bytes)
        do throws(TLSFailure) { try self.server.receive(bytes.span) } catch { failures.append(error) }
        bytes = []
        self.server.takeOutput(into: &bytes)
        do throws(TLSFailure) { try self.client.receive(bytes.span) } catch { failures.append(error) }
      }
    }
  }

  private func client(_ identity: TLSIdentity? = nil) throws -> TLSContext {
    try .client(authorities: .pem(try Setup.shared.get().authority.certificate), identity: identity)
  }

  @Test(arguments: ["main.test", "other.test", "a.wild.test", "exact.wild.test"])
  func `the certificate is the one for the name that the client asks for`(name: String) throws {
    let setup = try Setup.shared.get()
    let others = try [["DNS:other.test"], ["DNS:*.wild.test"], ["DNS:exact.wild.test"]].map {
      try TLSContext.server(Setup.identity(setup.authority, $0))
    }
    let ends = try Ends(client(), .server(setup.main, alternatives: others), name: name)
    // The client has checked the name.
    #expect(ends.failures.isEmpty)
    let isComplete = ends.client.isHandshakeComplete && ends.server.isHandshakeComplete
    #expect(isComplete)
  }

  @Test func `a full name goes before a wildcard of an earlier certificate`() throws {
    let setup = try Setup.shared.get()
    let exact = try Setup.identity(setup.authority, ["DNS:exact.wild.test"])
    let foreign = try CertificateAuthority().identity(names: ["DNS:*.wild.test"])
    let wild = TLSIdentity(certificateChain: foreign.certificate, privateKey: foreign.privateKey)
    let contexts = [try TLSContext.server(wild), try TLSContext.server(exact)]
    let ends = try Ends(client(), .server(setup.main, alternatives: contexts), name: "exact.wild.test")
    #expect(ends.failures.isEmpty)
    let wildEnds = try Ends(client(), .server(setup.main, alternatives: contexts), name: "b.wild.test")
    #expect(wildEnds.failures.first == .certificateUnknownAuthority)
  }

  @Test(arguments: ["unknown.test", "127.0.0.1"])
  func `for a name that no certificate is for, and without a name, it is the first`(name: String) throws {
    let setup = try Setup.shared.get()
    let other = try TLSContext.server(Setup.identity(setup.authority, ["DNS:other.test"]))
    let ends = try Ends(client(), .server(setup.main, alternatives: [other]), name: name)
    #expect(ends.failures.first == .hostNameMismatch)
  }

  @Test func `where an authority for clients is named a client without a certificate is refused`() throws {
    let setup = try Setup.shared.get()
    let server = try TLSContext.server(setup.main, clientAuthorities: setup.authority.certificate)
    let ends = try Ends(client(), server, name: "main.test")
    #expect(!ends.failures.isEmpty)
    #expect(ends.server.isHandshakeComplete == false)
    #expect(ends.server.peerSubject == nil)
  }

  @Test func `a client's certificate of another authority is refused, and one that is for servers`() throws {
    let setup = try Setup.shared.get()
    let server = try TLSContext.server(setup.main, clientAuthorities: setup.authority.certificate)
    let foreign = try Setup.identity(CertificateAuthority(), [], usage: "clientAuth")
    for identity in [foreign, setup.main] {
      let ends = try Ends(client(identity), server, name: "main.test")
      #expect(!ends.failures.isEmpty)
      #expect(ends.server.isHandshakeComplete == false)
    }
  }

  @Test func `the subject of a client's certificate is known, with what it could be misread by escaped`() throws {
    let setup = try Setup.shared.get()
    let other = try TLSContext.server(
      Setup.identity(setup.authority, ["DNS:other.test"]), clientAuthorities: setup.authority.certificate)
    let server = try TLSContext.server(
      setup.main, clientAuthorities: setup.authority.certificate, alternatives: [other])
    for name in ["main.test", "other.test"] {
      let ends = try Ends(client(setup.clientIdentity), server, name: name)
      #expect(ends.failures.isEmpty)
      #expect(ends.server.peerSubject == "CN=worker 7")
    }
    let strange = try Setup.identity(setup.authority, [], commonName: #"a,b\+c=é;<x>"#, usage: "clientAuth")
    let ends = try Ends(client(strange), server, name: "main.test")
    #expect(ends.server.peerSubject?.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } == true)
    #expect(ends.server.peerSubject?.hasPrefix(#"CN=a\,b\+c="#) == true, "\(ends.server.peerSubject ?? "")")
  }

  @Test func `when a certificate begins and ends is known`() throws {
    let setup = try Setup.shared.get()
    let made = try setup.authority.identity(names: ["DNS:short.test"], validDays: 3)
    let context = try TLSContext.server(TLSIdentity(certificateChain: made.certificate, privateKey: made.privateKey))
    let validity = try #require(context.validity)
    #expect(validity.upperBound - validity.lowerBound == 3 * 86_400)
    #expect(try client().validity == nil)
  }
}
