internal import HTTP

extension ResponseHead {
  /// For how long the answer says that it may be used (RFC 9111 §4.2, §5.2.2): `max-age` less the `Age` of the answer,
  /// zero for `no-store` and `no-cache` and for a `max-age` that is repeated or no number (§4.2.1); nil: it says
  /// nothing.
  var freshness: Duration? {
    var maximumAge: Int64?
    for value in fields.values("cache-control") {
      for directive in Self.directives(value) {
        switch directive.name {
        case "no-store", "no-cache": return .zero
        case "max-age":
          guard maximumAge == nil, let seconds = Self.deltaSeconds(directive.argument) else { return .zero }
          maximumAge = seconds
        default: break
        }
      }
    }
    guard let maximumAge else { return nil }
    let age = fields.values("age").first.flatMap { Self.deltaSeconds($0[...]) } ?? 0
    return .seconds(max(0, maximumAge - age))
  }

  /// The entity tag to be sent back in `If-None-Match` (RFC 9110 §8.8.3); nil if there is none that is fit for it.
  var entityTag: String? {
    let tags = fields.values("etag")
    guard tags.count == 1, let tag = tags.first, tag.utf8.count <= 256, tag.hasSuffix("\"") else { return nil }
    let opaque = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]
    guard opaque.utf8.count >= 2, opaque.hasPrefix("\""),
      opaque.utf8.dropFirst().dropLast().allSatisfy({ $0 == 0x21 || (0x23...0x7E).contains($0) })
    else { return nil }
    return tag
  }

  /// Directives (RFC 9111 §5.2), names in lower case; commas inside quotation marks do not part them.
  private static func directives(_ value: String) -> [(name: String, argument: Substring)] {
    var isQuoted = false
    let parts = value.split { character in
      if character == "\"" { isQuoted.toggle() }
      return character == "," && !isQuoted
    }
    return parts.map { part in
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (halves[0].trimmed.lowercased(), halves.count == 2 ? halves[1].trimmed : "")
    }
  }

  /// RFC 9111 §1.2.2, in either form that §5.2 allows; beyond 2^31 it is that. Nil: no number.
  private static func deltaSeconds(_ text: Substring) -> Int64? {
    let isQuoted = text.utf8.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"")
    let digits = isQuoted ? text.dropFirst().dropLast() : text
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return min(Int64(digits) ?? .max, 1 << 31)
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
