/// A mapping of the file whose keys are declared by reading them: each read names key, kind and default in one line.
/// What nobody has read at the end is unknown.
final class Section {
  private let reading: Reading
  let path: String
  private let position: Position
  private var unread: [Node.Entry]
  private var known: [String] = []
  private var future: [String] = []
  private var written: Set<String> = []

  /// Reads all of a mapping.
  static func read<Value>(_ place: Place, _ body: (Section) -> Value) -> Value {
    guard case .mapping(let entries) = place.node.content else {
      // Reported once; a pass over nothing then gives the value that will not be used, and no further problems.
      let _: Value? = place.expected("a mapping")
      let silent = Reading(file: place.reading.file, sources: place.reading.sources)
      return body(Section(Place(reading: silent, path: place.path, node: place.node), []))
    }
    let section = Section(place, entries)
    let value = body(section)
    section.refuseUnread()
    return value
  }

  private init(_ place: Place, _ entries: [Node.Entry]) {
    reading = place.reading
    path = place.path
    position = place.node.position
    unread = entries
  }

  /// A required key.
  func value<Value>(_ key: String, _ kind: Kind<Value>) -> Value {
    guard let place = take(key, form: kind.form, preset: nil) else {
      reading.refuse(position, childPath(key), "is missing: \(kind.form)")
      return kind.placeholder
    }
    return kind.read(place) ?? kind.placeholder
  }

  /// A key with a default, which is given as it would stand in the file.
  func value<Value>(_ key: String, _ kind: Kind<Value>, default preset: String) -> Value {
    let place = take(key, form: kind.form, preset: preset)
    let presetPlace = Place(reading: reading, path: childPath(key), node: YAMLTree(Array(preset.utf8)).root ?? missing)
    return kind.read(place ?? presetPlace) ?? kind.placeholder
  }

  /// Keys beneath a key. Absent: its keys have their defaults, and those that are required are missing.
  func section<Value>(_ key: String, _ body: (Section) -> Value) -> Value {
    let empty = Place(reading: reading, path: childPath(key), node: Node(content: .mapping([]), position: position))
    return Section.read(take(key) ?? empty, body)
  }

  /// Keys beneath a key that may be absent or null.
  func optionalSection<Value>(_ key: String, _ form: String, _ body: (Section) -> Value) -> Value? {
    guard let place = take(key, form: form, preset: "null"), !place.node.isNull else { return nil }
    return Section.read(place, body)
  }

  /// A list of mappings. `isRequired`: at least one.
  func sections<Value>(_ key: String, isRequired: Bool, _ body: (Section) -> Value) -> [Value] {
    guard let place = take(key) else {
      if isRequired { reading.refuse(position, childPath(key), "is missing: a list of mappings") }
      return []
    }
    guard case .sequence(let elements) = place.node.content else { return place.expected("a list of mappings") ?? [] }
    if isRequired, elements.isEmpty { return place.refuse("at least one is needed") ?? [] }
    return elements.enumerated().map { index, node in
      let element = place.element(index, node)
      reading.locate(element.path, node.position)
      return Section.read(element, body)
    }
  }

  /// Keys that a later version will bring: refused as unknown ones are, but by another message.
  func notYet(_ keys: String...) { future += keys }

  var sources: SettingsSources { reading.sources }

  /// Whether a key that was read stood in the file.
  func wasWritten(_ key: String) -> Bool { written.contains(key) }

  /// Whether the file has the key. To be asked before the key is read.
  func isGiven(_ key: String) -> Bool { unread.contains { $0.key == key } }

  func refuse(_ key: String, _ message: String) { reading.refuse(childPath(key), message) }

  /// Of the mapping itself.
  func refuse(_ message: String) { reading.refuse(path, message) }

  func warn(_ key: String, _ message: String) { reading.warn(childPath(key), message) }

  private var missing: Node { Node(content: .refused, position: position) }

  private func childPath(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  private func take(_ key: String, form: String, preset: String?) -> Place? {
    reading.declare(childPath(key), form: form, preset: preset)
    return take(key)
  }

  private func take(_ key: String) -> Place? {
    known.append(key)
    guard let index = unread.firstIndex(where: { $0.key == key }) else { return nil }
    let entry = unread.remove(at: index)
    written.insert(key)
    reading.locate(childPath(key), entry.keyPosition)
    return Place(reading: reading, path: childPath(key), node: entry.value)
  }

  private func refuseUnread() {
    for entry in unread {
      let message: String
      if future.contains(entry.key) {
        message = "is not available in this version"
      } else if let suggestion = nearest(to: entry.key, in: known) {
        message = "is not a key here; did you mean \(quoted(suggestion))?"
      } else {
        message = "is not a key here; known are \(known.sorted().joined(separator: ", "))"
      }
      let key =
        entry.key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
        ? entry.key : quoted(entry.key)
      reading.refuse(entry.keyPosition, childPath(key), message)
    }
  }
}

/// The candidate that a slip of the hand may have been meant for: at most two letters wrong, missing, added or swapped,
/// and not more than a third of them.
func nearest(to word: String, in candidates: [String]) -> String? {
  guard word.utf8.count <= 64 else { return nil }
  let ranked = candidates.map { ($0, distance(Array(word.lowercased().utf8), Array($0.lowercased().utf8))) }
  guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= min(2, max(1, word.utf8.count / 3)) else { return nil }
  return best.0
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
private func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var rows = [Array(0...right.count)]
  for i in 1..<max(left.count + 1, 1) {
    var row = [i]
    for j in 1..<max(right.count + 1, 1) {
      var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1))
      if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
        best = min(best, rows[i - 2][j - 2] + 1)
      }
      row.append(best)
    }
    rows.append(row)
  }
  return rows[left.count][right.count]
}
