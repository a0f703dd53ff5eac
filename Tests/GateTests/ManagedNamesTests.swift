import HTTP
import Testing

@testable import Gate

@Suite struct `Managed names` {
  static func mayPass(_ name: String, _ change: (inout PolicyDraft) -> Void = { _ in }) -> Bool {
    let bytes = [UInt8](name.utf8)
    let policy = Fixture(change).policy
    return policy.mayPass(bytes.span, known: KnownField(bytes.span))
  }

  static let removed = [
    "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix",
    "x-forwarded-user", "x-original-url", "x-original-host", "x-rewrite-url", "x-http-method", "x-http-method-override",
    "x-method-override", "x-real-ip", "proxy", "x-client-cert", "x-client-cert-dn", "x-client-certificate",
    "x-ssl-client-cn", "ssl-client-cert", "remote-user", "x-remote-user", "x-authenticated-user",
    "x-authenticated-userid",
    // The identity fields of the policy.
    "x-user-id", "x-user-email",
    // Framing, which no field of a client's decides.
    "content-length", "transfer-encoding",
  ]

  @Test(arguments: removed)
  func `a managed name does not pass, whatever stands for its punctuation`(name: String) {
    let policy = Fixture().policy
    let bytes = [UInt8](name.utf8)
    let folded = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    for position in bytes.indices {
      for byte in UInt8.min...UInt8.max {
        var spelling = bytes
        spelling[position] = byte
        let isSame =
          byte == bytes[position] || bytes[position] == UInt8(ascii: "-") && !folded.contains(byte | 0x20)
          || bytes[position] == UInt8(ascii: "-") && !folded.contains(byte) && !(0x41...0x5A).contains(byte)
          || bytes[position] != UInt8(ascii: "-") && byte < 0x80 && (byte | 0x20) == bytes[position]
            && (0x41...0x5A).contains(byte)
        guard isSame else { continue }
        let mayPass = policy.mayPass(spelling.span, known: .other)
        #expect(!mayPass, "\(spelling)")
      }
    }
  }

  @Test func `names with every byte changed at once do not pass`() {
    for name in Self.removed {
      for replacement in ["_", ".", "!", "~", "+", "é"] {
        #expect(!Self.mayPass(name.uppercased().replacing("-", with: replacement == "é" ? "_" : replacement)))
      }
    }
  }

  @Test(arguments: [
    "accept", "accept-encoding", "user-agent", "x-request-id", "x-forwarded", "x-forwardedfor", "x-original",
    "x-user-i",
    "x-user-idx", "x-user", "xuser-id", "proxy-x", "x-real-ips", "remote-users", "x-http-methods", "traceparent",
    "sec-fetch-mode", "x-client-cer", "x-ssl", "ssl-client", "x", "-", "x-authenticated", "content-type", "x--user-id",
  ])
  func `other names pass`(name: String) {
    #expect(Self.mayPass(name))
  }

  @Test func `an exempted name passes in that spelling only`() {
    let change: (inout PolicyDraft) -> Void = { $0.passThrough = ["X-Real-IP", "x-forwarded-port"] }
    #expect(Self.mayPass("x-real-ip", change))
    #expect(Self.mayPass("x-forwarded-port", change))
    #expect(!Self.mayPass("x_real_ip", change))
    #expect(!Self.mayPass("x-real.ip", change))
    #expect(!Self.mayPass("x-forwarded-prefix", change))
  }

  @Test func `configured and reserved names are managed`() {
    let change: (inout PolicyDraft) -> Void = {
      $0.identityFields = [IdentityField(name: "Acme_User.Name", claim: "sub")]
      $0.reservedFields = ["X-Identity-Assertion"]
    }
    #expect(!Self.mayPass("acme-user-name", change))
    #expect(!Self.mayPass("acme_user_name", change))
    #expect(!Self.mayPass("x_identity-assertion", change))
    #expect(Self.mayPass("x-user-id", change))
  }

  @Test(arguments: [
    "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "authorization", "cookie",
    "set-cookie", "proxy-authorization", "forwarded", "x-forwarded-for", "x_user_id", "x-original-url", "keep-alive",
  ])
  func `framing, routing, credential and managed fields do not pass in trailers`(name: String) {
    let bytes = [UInt8](name.utf8)
    let mayPass = Fixture().policy.mayPassInTrailers(bytes.span, known: KnownField(bytes.span))
    #expect(!mayPass)
  }

  @Test(arguments: ["grpc-status", "grpc-message", "x-checksum", "server-timing"])
  func `other fields pass in trailers`(name: String) {
    let bytes = [UInt8](name.utf8)
    let mayPass = Fixture().policy.mayPassInTrailers(bytes.span, known: KnownField(bytes.span))
    #expect(mayPass)
  }
}
