internal import Gate
internal import JOSE

extension Kind where Value == [ClaimRule] {
  /// `{roles: [admin]}`: one of; `{scope: {all: [a, b]}}`: every one; `{tier: {equals: gold}}`: this very value.
  static var claimRules: Kind {
    let form = "a mapping of claim paths to a list (one of), {all: [...]} or {equals: ...}"
    return Kind(form, placeholder: []) { place in
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      let rules = entries.compactMap { entry in
        let member = place.member(entry)
        place.reading.locate(member.path, entry.keyPosition)
        guard ClaimPath(entry.key) != nil else {
          let none: ClaimRule? = member.refuse("\(quoted(entry.key)) is no claim path")
          return none
        }
        return condition(member).map { ClaimRule(claim: entry.key, condition: $0) }
      }
      return rules.count == entries.count ? rules : nil
    }
  }

  private static func condition(_ place: Place) -> ClaimRule.Condition? {
    let form = "a list (one of), {all: [...]} or {equals: ...}"
    switch place.node.content {
    case .sequence: return values(place).map(ClaimRule.Condition.anyOf)
    case .mapping(let entries):
      guard entries.count == 1, let entry = entries.first else { return place.refuse("expected \(form)") }
      let member = place.member(entry)
      switch entry.key {
      case "all": return values(member).map(ClaimRule.Condition.allOf)
      case "equals": return value(member).map(ClaimRule.Condition.equals)
      default: return place.refuse("expected \(form), found \(quoted(entry.key))")
      }
    case .scalar, .refused: return place.expected(form)
    }
  }

  private static func values(_ place: Place) -> [ClaimRule.Value]? {
    guard case .sequence(let nodes) = place.node.content else { return place.expected("a list of values") }
    // A list of none would be met by nobody, or by everybody.
    if nodes.isEmpty { return place.refuse("lists no value") }
    let values = nodes.enumerated().compactMap { value(place.element($0.offset, $0.element)) }
    return values.count == nodes.count ? values : nil
  }

  /// Text, a whole number, true or false: 7 and "7" are different values, as they are in a token.
  private static func value(_ place: Place) -> ClaimRule.Value? {
    let form = "text, a whole number, true or false"
    guard case .scalar(let scalar) = place.node.content, !place.node.isNull else { return place.expected(form) }
    if scalar.isTruthValue { return .boolean(scalar.text.lowercased() == "true") }
    guard scalar.isNumber else { return place.text(form).map(ClaimRule.Value.text) }
    guard let number = Int64(scalar.text) else { return place.refuse("expected \(form), found \(quoted(scalar.text))") }
    return .integer(number)
  }
}
