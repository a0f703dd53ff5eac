internal import Transport

/// A secret that the configuration names by file or environment variable. Its content is never part of a text.
public struct Secret: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
  public let bytes: [UInt8]
  /// Where it was read; nil: from the environment.
  public let file: String?

  public init(bytes: [UInt8], file: String? = nil) {
    self.bytes = bytes
    self.file = file
  }

  /// Bytes of a secret; a file above is refused.
  static let limitBytes = 16 * 1024

  /// What its file holds now, for secrets that are exchanged while we run; nil for one of the environment. The function
  /// returns nil while the file cannot be read.
  var reread: (@Sendable () -> [UInt8]?)? {
    guard let file else { return nil }
    return { (try? FileContent.read(file, limitBytes: Self.limitBytes)).map(Self.withoutNewline) }
  }

  static func withoutNewline(_ content: [UInt8]) -> [UInt8] {
    var bytes = content
    if bytes.last == 0x0A {
      bytes.removeLast()
      if bytes.last == 0x0D { bytes.removeLast() }
    }
    return bytes
  }

  public var description: String { "(secret)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Kind where Value == Secret {
  /// `{file: PATH}` (one trailing newline is cut) or `{env: NAME}`; never inline. The content is visible ASCII.
  static var secret: Kind { secret(ofOneWord: true) }

  /// As ``secret``, of any bytes: a key in PEM, or of HMAC.
  static var keyContent: Kind { secret(ofOneWord: false) }

  private static func secret(ofOneWord isOneWord: Bool) -> Kind {
    let form = "{file: PATH} or {env: NAME}"
    return Kind(form, placeholder: Secret(bytes: [])) { place in
      if case .scalar = place.node.content, !place.node.isNull {
        return place.refuse("a secret never stands in the configuration itself: use \(form)")
      }
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      guard entries.count == 1, let source = entries.first, source.key == "file" || source.key == "env" else {
        return place.refuse("expected \(form), and only one of them")
      }
      let member = place.member(source)
      guard let name = member.text(form) else { return nil }
      let content = source.key == "file" ? content(ofFile: name, member) : content(ofVariable: name, member)
      guard let content else { return nil }
      guard !content.isEmpty else { return member.refuse("\(quoted(name)) is empty") }
      guard !isOneWord || content.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
        return member.refuse("\(quoted(name)) holds something other than one word of visible ASCII")
      }
      return Secret(
        bytes: content, file: source.key == "file" ? place.reading.sources.resolved(name) : nil)
    }
  }

  private static func content(ofFile name: String, _ place: Place) -> [UInt8]? {
    let path = place.reading.sources.resolved(name)
    place.reading.watch(path)
    do {
      return Secret.withoutNewline(try place.reading.sources.read(path, limitBytes: Secret.limitBytes))
    } catch {
      return place.refuse("\(quoted(name)) cannot be read: \(error)")
    }
  }

  private static func content(ofVariable name: String, _ place: Place) -> [UInt8]? {
    guard let text = place.reading.sources.environment(name) else {
      return place.refuse("the environment has no \(quoted(name))")
    }
    return Array(text.utf8)
  }
}
