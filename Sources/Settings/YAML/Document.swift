internal import JOSE

extension Reading {
  /// What a file says that was read, as JSON: `{"configuration": {…}, "defaults": {"limits.idle": "75s", …}}`.
  ///
  /// Secrets never stand in a file, only where they are found. User names and passwords that somebody put into a URL are left
  /// out.
  func document(of bytes: [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("configuration")
    if let root = YAMLTree(bytes).root { root.write(to: &writer) } else { writer.null() }
    writer.name("defaults")
    writer.beginObject()
    for declaration in declarations where !declaration.path.contains("[") {
      guard let preset = declaration.preset, !isLocated(declaration.path) else { continue }
      writer.member(declaration.path, preset)
    }
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }
}

extension Node {
  func write(to writer: inout JSONWriter) {
    switch content {
    case .mapping(let entries):
      writer.beginObject()
      for entry in entries {
        writer.name(entry.key)
        entry.value.write(to: &writer)
      }
      writer.endObject()
    case .sequence(let elements):
      writer.beginArray()
      for element in elements { element.write(to: &writer) }
      writer.endArray()
    case .scalar(let scalar):
      if isNull {
        writer.null()
      } else if scalar.isTruthValue {
        writer.boolean(scalar.text.lowercased() == "true")
      } else {
        writer.string(withoutUserInformation(scalar.text))
      }
    case .refused: writer.null()
    }
  }
}

/// RFC 3986 §3.2.1: `//user:password@host` becomes `//host`.
private func withoutUserInformation(_ text: String) -> String {
  var result: [UInt8] = []
  // Where the authority began whose end has not come.
  var authority: Int?
  for byte in text.utf8 {
    result.append(byte)
    if let start = authority {
      switch byte {
      case UInt8(ascii: "@"): result.removeSubrange(start...)
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: " "): authority = nil
      default: break
      }
    } else if result.suffix(3) == Array("://".utf8)[...] {
      authority = result.count
    }
  }
  return String(decoding: result, as: UTF8.self)
}
