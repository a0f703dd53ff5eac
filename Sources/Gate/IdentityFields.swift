import HTTP
import JOSE

/// What the app gets of a client certificate: bytes, and lines that are positions in them.
final class CertificateFields: Sendable {
  let bytes: [UInt8]
  let lines: [FieldLine]

  init(bytes: [UInt8], lines: [FieldLine]) {
    self.bytes = bytes
    self.lines = lines
  }
}

/// The fields that tell the app who the user is, compiled.
struct IdentityFields: Sendable {
  struct Field: Sendable {
    /// In lower case.
    let name: [UInt8]
    /// The subject with its prefix instead of a claim as it stands.
    let isSubject: Bool
    /// Position in ``Policy/claimPaths``.
    let path: Int
    let format: IdentityField.Format
  }

  /// The claim path that means the subject of the client's certificate and no claim.
  static let certificateSubject = "tls.subject"

  let fields: [Field]
  /// Names of the fields, in lower case, that carry the subject of the client's certificate.
  let certificateNames: [[UInt8]]

  /// Field lines for a connection with a client certificate, once for all its requests. Names that no client can write.
  func render(certificateSubject subject: String?) -> CertificateFields? {
    var bytes: [UInt8] = []
    var lines: [FieldLine] = []
    guard let subject, !subject.isEmpty, !certificateNames.isEmpty else { return nil }
    for name in certificateNames {
      let nameStart = bytes.count
      bytes.append(contentsOf: name)
      let valueStart = bytes.count
      Self.appendEncoded(Array(subject.utf8), to: &bytes)
      lines.append(
        FieldLine(
          name: Slice(start: nameStart, count: name.count),
          value: Slice(start: valueStart, count: bytes.count - valueStart), known: .other))
    }
    return CertificateFields(bytes: bytes, lines: lines)
  }

  /// Field lines for a token's claims, once for all its requests. A claim that is missing or null leaves none.
  ///
  /// - Throws: `claimInvalid` for CR, LF or NUL in a value, for a list element that contains the separator, and for a
  ///   value that has no form as text.
  func render(
    _ claims: Claims, nodes: [JSONDocument.Node?], subject: String
  ) throws(Denial) -> (bytes: [UInt8], lines: [FieldLine]) {
    var bytes: [UInt8] = []
    var lines: [FieldLine] = []
    for field in fields {
      var value: [UInt8] = []
      if field.isSubject {
        try append(subject: subject, field.format, to: &value)
      } else {
        guard let node = nodes[field.path], claims.document.kind(of: node) != .null else { continue }
        try append(node, of: claims.document, field.format, to: &value)
      }
      let nameStart = bytes.count
      bytes.append(contentsOf: field.name)
      let valueStart = bytes.count
      Self.appendEncoded(value, to: &bytes)
      lines.append(
        FieldLine(
          name: Slice(start: nameStart, count: valueStart - nameStart),
          value: Slice(start: valueStart, count: bytes.count - valueStart), known: .other))
    }
    return (bytes, lines)
  }

  private func append(subject: String, _ format: IdentityField.Format, to value: inout [UInt8]) throws(Denial) {
    switch format {
    case .json:
      var writer = JSONWriter()
      writer.string(subject)
      value = writer.bytes
    case .text:
      value.append(contentsOf: subject.utf8)
      try Self.refuseLineBreaks(value)
    }
  }

  private func append(
    _ node: JSONDocument.Node, of document: JSONDocument, _ format: IdentityField.Format, to value: inout [UInt8]
  ) throws(Denial) {
    guard case .text(let separator) = format else {
      // JSON escapes control bytes itself.
      var writer = JSONWriter()
      writer.value(node, of: document)
      value = writer.bytes
      return
    }
    guard document.kind(of: node) == .array else {
      try Self.append(scalar: node, of: document, to: &value)
      return try Self.refuseLineBreaks(value)
    }
    let separatorBytes = [UInt8](separator.utf8)
    var isFirst = true
    for element in document.elements(of: node) {
      if !isFirst { value.append(contentsOf: separatorBytes) }
      isFirst = false
      let start = value.count
      try Self.append(scalar: element, of: document, to: &value)
      guard !Self.contains(value, from: start, separatorBytes) else { throw .claimInvalid }
    }
    try Self.refuseLineBreaks(value)
    // A separator of spaces at an end would be lost on the way, or be taken for part of an element.
    if separatorBytes.contains(UInt8(ascii: " ")) {
      guard value.first != UInt8(ascii: " "), value.last != UInt8(ascii: " ") else { throw .claimInvalid }
    }
  }

  private static func append(
    scalar node: JSONDocument.Node, of document: JSONDocument, to value: inout [UInt8]
  ) throws(Denial) {
    if let range = document.stringRange(node) ?? document.numberRange(node) {
      value.append(contentsOf: document.bytes[range])
    } else if let boolean = document.boolean(node) {
      value.append(contentsOf: (boolean ? "true" : "false").utf8)
    } else {
      throw .claimInvalid
    }
  }

  private static func refuseLineBreaks(_ value: [UInt8]) throws(Denial) {
    for byte in value where byte == 0x0D || byte == 0x0A || byte == 0 { throw .claimInvalid }
  }

  private static func contains(_ bytes: [UInt8], from start: Int, _ part: [UInt8]) -> Bool {
    guard !part.isEmpty, bytes.count - start >= part.count else { return false }
    return (start...bytes.count - part.count).contains { bytes[$0..<$0 + part.count].elementsEqual(part) }
  }

  /// Visible ASCII but `%` as it is, and spaces inside; the rest percent-encoded.
  private static func appendEncoded(_ value: [UInt8], to bytes: inout [UInt8]) {
    for index in value.indices {
      let byte = value[index]
      let isInnerSpace = byte == UInt8(ascii: " ") && index > 0 && index < value.count - 1
      if byte &- 0x21 <= 0x5D && byte != UInt8(ascii: "%") || isInnerSpace {
        bytes.append(byte)
      } else {
        bytes.append(UInt8(ascii: "%"))
        bytes.append(digit(byte >> 4))
        bytes.append(digit(byte & 15))
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }
}
