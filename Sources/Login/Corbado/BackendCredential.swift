internal import JOSE

/// How we show Corbado who we are, in one of the three forms that its documentation has.
public struct BackendCredential: Sendable, CustomStringConvertible, CustomReflectable {
  public enum Form: String, CaseIterable, Sendable {
    /// The bare API secret, `corbado1_…`.
    case apiSecret
    /// base64(projectID:secret), which Corbado's examples keep in the environment (RFC 7617 §2).
    case basic
    /// A versioned API key (RFC 6750 §2.1).
    case bearer
  }

  /// Why a content is none of its form.
  public enum Problem: String, Error, CaseIterable, Sendable {
    /// Empty, or not one word of visible ASCII.
    case malformed
    /// projectID:secret, bare or encoded, where something else belongs.
    case isPair
    /// The bare secret, or what is no base64 of a pair, where the encoded pair belongs.
    case isNoPair
    /// The pair of another project.
    case ofOtherProject
  }

  public let form: Form
  /// At start.
  public let content: [UInt8]
  /// A secret is never part of a text.
  public var description: String { "(secret)" }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// What the file holds now; nil: it cannot be read.
  let reread: (@Sendable () -> [UInt8]?)?

  /// - Parameter reread: for secrets in files, which are exchanged while we run.
  public init(_ form: Form, _ content: [UInt8], reread: (@Sendable () -> [UInt8]?)? = nil) {
    self.form = form
    self.content = content
    self.reread = reread
  }

  /// The `Authorization` of every call.
  func authorization(of content: [UInt8], projectID: String) throws(Problem) -> String {
    guard !content.isEmpty, content.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .malformed }
    let text = String(decoding: content, as: UTF8.self)
    switch form {
    case .apiSecret:
      guard Self.pair(content) == nil else { throw .isPair }
      return "Basic " + Base64.encode(Array(projectID.utf8) + [UInt8(ascii: ":")] + content)
    case .basic:
      guard !content.starts(with: Array("pro-".utf8)), let pair = Self.pair(content) else { throw .isNoPair }
      guard pair.project == Array(projectID.utf8) else { throw .ofOtherProject }
      return "Basic " + text
    case .bearer:
      guard Self.pair(content) == nil else { throw .isPair }
      return "Bearer " + text
    }
  }

  /// The project of a pair, bare or in base64, whatever its padding; nil for what is none.
  private static func pair(_ content: [UInt8]) -> (project: [UInt8], secret: [UInt8])? {
    var bytes = content
    if !content.starts(with: Array("pro-".utf8)) {
      let urlSafe = content.map { byte in
        byte == UInt8(ascii: "+") ? UInt8(ascii: "-") : byte == UInt8(ascii: "/") ? UInt8(ascii: "_") : byte
      }
      let unpadded = Array(urlSafe.prefix { $0 != UInt8(ascii: "=") })
      guard let decoded = try? Base64URL.decode(unpadded.span) else { return nil }
      bytes = decoded
    }
    guard bytes.starts(with: Array("pro-".utf8)), let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
      colon + 1 < bytes.count
    else { return nil }
    return (Array(bytes[..<colon]), Array(bytes[(colon + 1)...]))
  }
}
