/// How revocations are written: a field that names what is revoked, and a value `until:moment`.
extension RevocationInForce {
  /// `i` with the length of the issuer before it, so that no two identities have one field.
  static func identityText(issuer: String, subject: String) -> [UInt8] {
    Array("\(issuer.utf8.count):".utf8) + Array(issuer.utf8) + Array(subject.utf8)
  }

  var redisField: [UInt8] {
    switch revocation {
    case .session(let id): Array("s\(id)".utf8)
    case .identity(let issuer, let subject, _):
      Array("i".utf8) + Self.identityText(issuer: issuer, subject: subject)
    case .token(let issuer, let tokenID): Array("t".utf8) + Self.identityText(issuer: issuer, subject: tokenID)
    case .digest(let digest): Array("d".utf8) + digest
    }
  }

  var redisMoment: StoredTime {
    if case .identity(_, _, let moment) = revocation { moment } else { StoredTime(seconds: 0) }
  }

  /// Nil for what this release does not understand; that must not be ignored.
  init?(redisField field: [UInt8], value: [UInt8]) {
    let parts = value.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, let until = Int64(String(decoding: parts[0], as: UTF8.self)),
      let moment = Int64(String(decoding: parts[1], as: UTF8.self)), let kind = field.first
    else { return nil }
    let rest = field.dropFirst()
    let revocation: Revocation
    switch kind {
    case UInt8(ascii: "s"): revocation = .session(id: String(decoding: rest, as: UTF8.self))
    case UInt8(ascii: "d"): revocation = .digest(Array(rest))
    case UInt8(ascii: "i"), UInt8(ascii: "t"):
      guard let colon = rest.firstIndex(of: UInt8(ascii: ":")),
        let length = Int(String(decoding: rest[..<colon], as: UTF8.self)), length >= 0, rest.count > length
      else { return nil }
      let names = rest[(colon + 1)...]
      guard names.count >= length else { return nil }
      let issuer = String(decoding: names.prefix(length), as: UTF8.self)
      let value = String(decoding: names.dropFirst(length), as: UTF8.self)
      revocation =
        kind == UInt8(ascii: "i")
        ? .identity(issuer: issuer, subject: value, issuedUntil: StoredTime(seconds: moment))
        : .token(issuer: issuer, tokenID: value)
    default: return nil
    }
    self.init(revocation, until: StoredTime(seconds: until))
  }

  /// Of a message: `until:moment:field`.
  init?(redisMessage message: [UInt8]) {
    let colons = message.indices.filter { message[$0] == UInt8(ascii: ":") }.prefix(2)
    guard colons.count == 2 else { return nil }
    self.init(redisField: Array(message[(colons[1] + 1)...]), value: Array(message[..<colons[1]]))
  }
}
