internal import HTTPClient
internal import JOSE
internal import OpenSSL
internal import Telemetry

/// Token exchange at the identity provider (RFC 8693): what the client gets is the provider's own access token.
extension LoginEndpoints {
  /// Of the assertion that is the subject token.
  static let assertionLifetime = Duration.seconds(60)
  /// Bytes of the provider's token.
  static let exchangedTokenLimitBytes = 16 * 1024

  /// - Returns: the provider's token, untouched.
  /// - Throws: `identityUnlinked` if the provider does not know or want the user, `identityUnavailable`
  func exchange(
    _ token: AccessToken, _ identifier: Identifier, with key: SigningKey, at exchange: Configuration.Identity.Exchange
  ) async throws(LoginReason) -> [UInt8] {
    let assertion = try minting { () throws(KeyFailure) in
      try token.assertion(for: exchange.service.url.text, identifier: identifier.text, with: key)
    }
    var form = FormWriter()
    form.append("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
    form.append("subject_token", String(decoding: assertion, as: UTF8.self))
    form.append("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
    form.append("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
    form.append("audience", exchange.audience)
    let call = IdentityServiceCall(
      name: "token_exchange", service: exchange.service,
      fields: [
        ("authorization", Self.clientCredential(exchange)), ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
      ],
      content: form.bytes)
    let answer = try await send(call)
    guard answer.status == 200 else { throw refusal(answer.status, answer.document) }
    guard let issued = answer.document.flatMap(Self.issuedToken) else {
      log.error("token_exchange_answer_invalid")
      throw .identityUnavailable
    }
    return Array(issued.utf8)
  }

  /// RFC 6749 §2.3.1: both parts form-encoded before they are joined.
  private static func clientCredential(_ exchange: Configuration.Identity.Exchange) -> String {
    let secret = String(decoding: exchange.service.secret ?? [], as: UTF8.self)
    let pair = FormWriter.encoded(exchange.clientID) + ":" + FormWriter.encoded(secret)
    return "Basic " + Base64.encode(Array(pair.utf8))
  }

  /// RFC 8693 §2.2.1.
  private static func issuedToken(_ document: JSONDocument) -> String? {
    func text(_ name: String) -> String? { document.member(name).flatMap { document.string($0) } }
    let kinds = ["access_token", "jwt"].map { "urn:ietf:params:oauth:token-type:\($0)" }
    guard let token = text("access_token"), !token.isEmpty, token.utf8.count <= exchangedTokenLimitBytes,
      token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      document.member("issued_token_type") == nil || text("issued_token_type").map(kinds.contains) == true,
      text("token_type")?.lowercased() == "bearer"
    else { return nil }
    return token
  }

  /// RFC 6749 §5.2, RFC 8693 §2.2.2: what is said of the user, and what of us.
  private func refusal(_ status: Int, _ document: JSONDocument?) -> LoginReason {
    let codes = [
      "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
      "invalid_scope", "invalid_target", "access_denied",
    ]
    let code = document.flatMap { document in document.member("error").flatMap { document.string($0) } }
    let known = code.flatMap { code in codes.first { $0 == code } }
    if status == 400 || status == 403, let known, ["invalid_request", "invalid_grant", "access_denied"].contains(known) {
      log.warn("token_exchange_refused", ["error": .text(known)])
      return .identityUnlinked
    }
    log.error(
      "token_exchange_failed",
      ["status": .integer(Int64(status)), "error": known.map { .text($0) } ?? .text(code == nil ? "none" : "unknown")])
    return .identityUnavailable
  }
}

/// `application/x-www-form-urlencoded`, everything but unreserved characters encoded.
struct FormWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ name: String, _ value: String) {
    if !bytes.isEmpty { bytes.append(UInt8(ascii: "&")) }
    bytes.append(contentsOf: (Self.encoded(name) + "=" + Self.encoded(value)).utf8)
  }

  static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: encoded.append(byte)
      default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}

extension OutboundURL {
  var text: String { (isSecure ? "https://" : "http://") + authority + target }
}
