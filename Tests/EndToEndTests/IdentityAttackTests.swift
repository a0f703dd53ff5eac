import Foundation
import TestPeers
import Testing

/// Somebody who wants to sign in as alice, against the whole process: two issuers, Corbado's emulator and a state file.
@Suite struct IdentityAttackTests {
  let emulator: EmulatorProcess
  let app: RecordingApp
  let sidecar: SidecarUnderTest
  /// Has to be told that an address is verified, as the other one.
  let idp: TokenFactory
  let partner: TokenFactory

  static let append = #"{"connectTokenType":"passkey-append"}"#
  static let list = #"{"connectTokenType":"passkey-list"}"#

  init() throws {
    emulator = try EmulatorProcess()
    app = try RecordingApp()
    let (idp, partner) = (try TokenFactory(), try TokenFactory(issuer: "https://partner.test/"))
    (self.idp, self.partner) = (idp, partner)
    sidecar = try SidecarUnderTest(app: app.port) { [emulator] text, folder in
      for (name, issuer) in [("idp", idp), ("partner", partner)] {
        try Data(try issuer.jwkSet.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).json"))
      }
      let common = "audiences: [my-app], algorithms: [ES256]"
      return text.replacing(sections: [
        "corbado": emulator.corbado(),
        "issuers": """
          issuers:
            - {issuer: "\(idp.issuer)", \(common), keys: {file: idp.json}, subjectPrefix: "idp-"}
            - {issuer: "\(partner.issuer)", \(common), keys: {file: partner.json}, subjectPrefix: "partner-"}
          """,
        "login": "login: {token: {issuer: https://app.example.com, audience: my-app}, refresh: {lifetime: 30d}}",
        "endpoints": "",
      ]) + "endpoints: {refresh: true}\n"
    }
  }

  // MARK: What can be done

  private func token(
    _ subject: String, of issuer: TokenFactory? = nil, email: String = "alice@example.com", isVerified: Bool = true
  ) throws -> String {
    let issuer = issuer ?? idp
    return try issuer.token(issuer.claims(subject: subject, extra: #""email":"\#(email)","email_verified":\#(isVerified)"#))
  }

  private func connect(_ type: String, _ token: String) throws -> String {
    let answer = try sidecar.call("/auth/createConnectToken", type, token: token)
    return answer.status == 200 ? "200" : "\(answer.status) \(answer.json["error"] as? String ?? "")"
  }

  private func login(_ data: String) throws -> H1Message {
    try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
  }

  private func login() throws -> H1Message { try login(emulator.signedPasskeyData(for: "alice@example.com")) }

  /// As whom the app sees the bearer of a token; nil where it does not.
  private func user(_ answer: H1Message) throws -> String? {
    guard let token = answer.json["accessToken"] as? String else { return nil }
    let seen = try sidecar.get("/me", token: token)
    guard seen.status == 200 else { return nil }
    let line = seen.text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("x-user-id: ") }
    return line.map { String($0.dropFirst(11)) }
  }

  private func links(_ words: String...) throws -> (code: Int32, output: String) {
    try ChildProcess.run(
      "/usr/bin/env",
      ["CORBADO_API_SECRET=corbado1_x", SidecarUnderTest.binary, "links"] + words + ["--config", sidecar.folder + "/sidecar.yaml"])
  }

  /// Time passes for what is in the state.
  private func age(_ sql: String) throws {
    try Python.sql(sql, sidecar.folder + "/state.db")
  }

  private static let day = 86_400

  // MARK: What comes of it

  @Test func `an address that somebody merely claims is not his, and its owner comes after him`() throws {
    for issuer in [idp, partner] {
      let mallory = try token("mallory", of: issuer, isVerified: false)
      #expect(try connect(Self.append, mallory) == "403 The e-mail address is not verified")
    }
    #expect(try emulator.calls().isEmpty)
    #expect(try login().status == 401)
    #expect(try connect(Self.append, token("alice")) == "200")
    #expect(try user(login()) == "idp-alice")
  }

  @Test func `an address that another issuer, or a new owner, has verified does not lead to the former owner`() throws {
    #expect(try connect(Self.append, token("alice")) == "200")
    let before = try links("show", "alice@example.com").output
    let count = try emulator.calls().count
    let others = [
      try token("mallory", of: partner), try token("alice", of: partner), try token("newcomer"),
      try token("mallory", of: partner, email: "ALICE@example.com"),
    ]
    // Listing and deleting somebody's passkeys is no less of an attack than adding one.
    for other in others {
      for type in [Self.append, Self.list, #"{"connectTokenType":"passkey-delete"}"#] {
        #expect(try connect(type, other) == "403 The identifier belongs to another user")
      }
    }
    #expect(try emulator.calls().count == count)
    #expect(try links("show", "alice@example.com").output == before)
    #expect(try user(login()) == "idp-alice")
  }

  @Test func `a token of a passkey login neither makes nor renews a link, the issuer's own does`() throws {
    #expect(try connect(Self.append, token("alice")) == "200")
    let minted = try #require(try login().json["accessToken"] as? String)
    try age("UPDATE identity_links SET confirmed_at = confirmed_at - 1000")
    let aged = try links("show", "alice@example.com").output
    #expect(try connect(Self.append, minted) == "200")
    #expect(try links("show", "alice@example.com").output == aged)
    #expect(try connect(Self.list, token("alice")) == "200")
    #expect(try links("show", "alice@example.com").output != aged)

    #expect(try links("remove", "alice@example.com").code == 0)
    try age("DELETE FROM revocations")
    // Even one that nobody revoked.
    #expect(try connect(Self.append, minted) != "200")
    #expect(try links("list").output.isEmpty)
  }

  @Test func `forged data under the ID of somebody's login do not use it up`() throws {
    #expect(try connect(Self.append, token("alice")) == "200")
    let (genuine, tokenID) = (try emulator.signedPasskeyData(for: "alice@example.com", #","claims":{"jti":"J1"}"#), "J1")
    for forgery in [#","signature":"foreign""#, #","signature":"tampered""#] {
      let forged = try emulator.signedPasskeyData(for: "alice@example.com", #","claims":{"jti":"\#(tokenID)"}"# + forgery)
      #expect(try login(forged).status == 401)
    }
    #expect(try user(login(genuine)) == "idp-alice")
    #expect(try login(genuine).status == 401)
  }

  @Test func `a link that its issuer has not confirmed for too long is void, until it does`() throws {
    #expect(try connect(Self.append, token("alice")) == "200")
    let session = try login()
    #expect(try user(session) == "idp-alice")
    try age("UPDATE identity_links SET confirmed_at = confirmed_at - \(366 * Self.day)")
    #expect(try login().status == 401)
    let refreshToken = try #require(session.json["refreshToken"] as? String)
    #expect(try sidecar.call("/auth/refresh", #"{"refreshToken":"\#(refreshToken)"}"#).status == 401)
    #expect(try connect(Self.append, token("mallory", of: partner)) == "403 The identifier belongs to another user")
    #expect(try connect(Self.list, token("alice")) == "200")
    #expect(try user(login()) == "idp-alice")
  }

  @Test func `a removed link ends the sessions, and the passkeys lead nowhere until it is made anew`() throws {
    #expect(try connect(Self.append, token("alice")) == "200")
    let session = try login()
    #expect(try user(session) == "idp-alice")
    #expect(try links("remove", "alice@example.com").code == 0)
    let isEnded = eventually { (try? user(session)) == .some(nil) ? true : nil }
    #expect(isEnded == true)
    let refreshToken = try #require(session.json["refreshToken"] as? String)
    #expect(try sidecar.call("/auth/refresh", #"{"refreshToken":"\#(refreshToken)"}"#).status == 401)
    #expect(try login().status == 401)
    // Whoever links it now is whom it leads to.
    #expect(try connect(Self.append, token("newcomer")) == "200")
    #expect(try user(login()) == "idp-newcomer")
  }
}
