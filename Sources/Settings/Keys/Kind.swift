/// How one value is read: what it looks like, and what stands for it after it was refused (such a configuration is
/// never used, so the placeholder never leaves this module).
struct Kind<Value> {
  let form: String
  let placeholder: Value
  let read: (Place) -> Value?

  init(_ form: String, placeholder: Value, _ read: @escaping (Place) -> Value?) {
    self.form = form
    self.placeholder = placeholder
    self.read = read
  }

  /// The same, held to a rule: `check` returns what is wrong with a value, or nil.
  func checked(_ check: @escaping (Value) -> String?) -> Kind {
    Kind(form, placeholder: placeholder) { place in
      guard let value = read(place) else { return nil }
      if let message = check(value) { return place.refuse(message) }
      return value
    }
  }

  /// `null` stands for none.
  var orNull: Kind<Value?> {
    Kind<Value?>("\(form), or null", placeholder: nil) { place in
      place.node.isNull ? .some(nil) : read(place).map { .some($0) }
    }
  }
}

extension Kind where Value == String {
  static func text(_ form: String) -> Kind {
    Kind(form, placeholder: "") { place in place.text(form) }
  }

  /// Relative to the folder of the configuration file.
  static var path: Kind {
    let form = "a path"
    return Kind(form, placeholder: "") { place in place.text(form).map(place.reading.sources.resolved) }
  }
}

extension Kind where Value == Bool {
  static var flag: Kind {
    let form = "true or false"
    return Kind(form, placeholder: false) { place in
      guard case .scalar(let scalar) = place.node.content, scalar.isPlain else { return place.expected(form) }
      switch scalar.text {
      case "true": return true
      case "false": return false
      default: return place.expected(form)
      }
    }
  }
}

extension Kind where Value == Int {
  static func count(_ range: ClosedRange<Int>) -> Kind {
    let form = "a number from \(range.lowerBound) to \(range.upperBound)"
    return Kind(form, placeholder: range.lowerBound) { place in
      guard let text = place.plain(form) else { return nil }
      guard let number = decimal(text) else { return place.refuse("expected \(form), found \(quoted(text))") }
      return range.contains(number) ? number : place.refuse("expected \(form), found \(number)")
    }
  }

  /// Bytes, `64KiB` or `1MiB`.
  static func size(_ range: ClosedRange<Int>) -> Kind {
    let form = "a size (bytes, or 64KiB, 1MiB) from \(sizeText(range.lowerBound)) to \(sizeText(range.upperBound))"
    return Kind(form, placeholder: range.lowerBound) { place in
      guard let text = place.plain(form) else { return nil }
      guard let bytes = quantity(text, [("KiB", 1024), ("MiB", 1_048_576), ("", 1)]) else {
        return place.refuse("expected \(form), found \(quoted(text))")
      }
      return range.contains(bytes) ? bytes : place.refuse("expected \(form), found \(quoted(text))")
    }
  }
}

extension Kind where Value == Duration {
  /// `500ms`, `30s`, `10m`, `1h`, `90d`.
  static func duration(_ range: ClosedRange<Duration>) -> Kind {
    let bounds = "from \(durationText(range.lowerBound)) to \(durationText(range.upperBound))"
    let form = "a duration (500ms, 30s, 10m, 1h, 90d) \(bounds)"
    return Kind(form, placeholder: range.lowerBound) { place in
      guard let text = place.plain(form) else { return nil }
      let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
      guard let milliseconds = quantity(text, units) else {
        let hint = decimal(text) == nil ? "" : " without a unit"
        return place.refuse("expected \(form), found \(quoted(text))\(hint)")
      }
      let duration = Duration.milliseconds(milliseconds)
      return range.contains(duration) ? duration : place.refuse("expected \(form), found \(quoted(text))")
    }
  }
}

extension Kind where Value == Duration {
  /// The same, or `off` for none: a hundred years.
  static func durationOrOff(_ range: ClosedRange<Duration>) -> Kind {
    let limited = duration(range)
    return Kind("\(limited.form), or off", placeholder: range.lowerBound) { place in
      if case .scalar(let scalar) = place.node.content, scalar.text == "off" { return .seconds(100 * 365 * 86_400) }
      return limited.read(place)
    }
  }
}

extension Kind
where Value: RawRepresentable & CaseIterable, Value.RawValue == String, Value.AllCases: RandomAccessCollection {
  /// One word of a closed list. `notYet`: words that a later version will bring.
  static func choice(notYet: [String] = []) -> Kind {
    let words = Value.allCases.map(\.rawValue)
    let form = words.joined(separator: " | ")
    return Kind(form, placeholder: Value.allCases[Value.allCases.startIndex]) { place in
      guard let text = place.text(form) else { return nil }
      if let value = Value(rawValue: text) { return value }
      if notYet.contains(text) { return place.refuse("\(quoted(text)) is not available in this version") }
      let hint = nearest(to: text, in: words).map { "; did you mean \(quoted($0))?" } ?? ""
      return place.refuse("expected \(form), found \(quoted(text))\(hint)")
    }
  }
}

extension Kind {
  /// A list without repetitions.
  static func list<Element: Hashable>(of kind: Kind<Element>, atLeast minimum: Int = 0) -> Kind
  where Value == [Element] {
    let form = "a list of \(kind.form)"
    return Kind(form, placeholder: []) { place in
      guard case .sequence(let nodes) = place.node.content else { return place.expected(form) }
      if nodes.count < minimum { return place.refuse("at least \(minimum) is needed") }
      let elements = nodes.enumerated().map { index, node in
        let element = place.element(index, node)
        place.reading.locate(element.path, node.position)
        return kind.read(element)
      }
      var seen: Set<Element> = []
      for (index, element) in elements.enumerated() {
        if let element, !seen.insert(element).inserted {
          return place.element(index, nodes[index]).refuse("stands in the list a second time")
        }
      }
      return elements.contains { $0 == nil } ? nil : elements.compactMap { $0 }
    }
  }
}

/// Without leading zeros, which other tools read as octal.
private func decimal(_ text: String) -> Int? {
  guard !text.isEmpty, text.utf8.allSatisfy(isDigit), text == "0" || !text.hasPrefix("0") else { return nil }
  return Int(text)
}

/// Digits and a unit, multiplied; nil when the form is another or the product does not fit.
private func quantity(_ text: String, _ units: [(suffix: String, factor: Int)]) -> Int? {
  let digits = text.utf8.prefix(while: isDigit)
  let suffix = String(text.dropFirst(digits.count))
  guard let unit = units.first(where: { $0.suffix == suffix }), let number = decimal(String(digits) ?? "") else {
    return nil
  }
  let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
  return overflow ? nil : product
}

/// As it would stand in the file.
func sizeText(_ bytes: Int) -> String {
  if bytes > 0, bytes % 1_048_576 == 0 { return "\(bytes / 1_048_576)MiB" }
  return bytes > 0 && bytes % 1024 == 0 ? "\(bytes / 1024)KiB" : "\(bytes)"
}

/// As it would stand in the file.
func durationText(_ duration: Duration) -> String {
  let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
  for (suffix, factor) in [("d", Int64(86_400_000)), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
  where milliseconds > 0 && milliseconds % factor == 0 {
    return "\(milliseconds / factor)\(suffix)"
  }
  return "\(milliseconds)ms"
}
