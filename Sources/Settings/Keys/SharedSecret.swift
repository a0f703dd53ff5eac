internal import Transport

/// The secret of an issuer that signs with HMAC. Its content is never part of a text.
public struct SharedSecret: Equatable, Sendable {
  /// Where it is read again when it changes; nil: it is of the environment.
  public let file: String?
  public let secret: Secret
}

extension Kind where Value == SharedSecret {
  /// `{file: PATH}` (one trailing newline is cut, any bytes) or `{env: NAME}`; never inline.
  static var sharedSecret: Kind {
    let form = "{file: PATH} or {env: NAME}"
    return Kind(form, placeholder: SharedSecret(file: nil, secret: Secret(bytes: []))) { place in
      if case .scalar = place.node.content, !place.node.isNull {
        return place.refuse("a secret never stands in the configuration itself: use \(form)")
      }
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      guard entries.count == 1, let source = entries.first, source.key == "file" || source.key == "env" else {
        return place.refuse("expected \(form), and only one of them")
      }
      let member = place.member(source)
      guard let name = member.text(form) else { return nil }
      if source.key == "env" {
        guard let text = place.reading.sources.environment(name) else {
          return member.refuse("the environment has no \(quoted(name))")
        }
        if text.isEmpty { return member.refuse("\(quoted(name)) is empty") }
        return SharedSecret(file: nil, secret: Secret(bytes: Array(text.utf8)))
      }
      // The file is not part of the configuration: Keys looks at it again of itself.
      let path = place.reading.sources.resolved(name)
      do throws(Errno) {
        let bytes = withoutNewline(try place.reading.sources.read(path, limitBytes: 16 * 1024))
        if bytes.isEmpty { return member.refuse("\(quoted(name)) is empty") }
        return SharedSecret(file: path, secret: Secret(bytes: bytes))
      } catch {
        return member.refuse("\(quoted(name)) cannot be read: \(error)")
      }
    }
  }

  /// One trailing newline belongs to the file.
  private static func withoutNewline(_ content: [UInt8]) -> [UInt8] {
    guard content.last == 0x0A else { return content }
    let line = content.dropLast()
    return Array(line.last == 0x0D ? line.dropLast() : line)
  }
}
