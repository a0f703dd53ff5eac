import OpenSSL

/// What logs call a subject: a keyed hash, so that lines of one user can be found together and nobody can guess the name.
final class SubjectHash: Sendable {
  /// Bytes of the hash that are shown.
  static let shownByteCount = 8

  private let key: MessageAuthenticationKey

  init(secret: [UInt8]) throws(KeyFailure) { key = try MessageAuthenticationKey(secret: secret.span, hash: .sha256) }

  func render(_ subject: String) -> [UInt8] {
    var text: [UInt8] = []
    for byte in key.tag(over: subject.utf8.span).prefix(Self.shownByteCount) {
      text.append(Self.digit(byte >> 4))
      text.append(Self.digit(byte & 15))
    }
    return text
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
