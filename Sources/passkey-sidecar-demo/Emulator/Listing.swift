/// The query of a list call: pages, filters such as `filter[]=tokenType:eq:passkey-list`, one sort such as
/// `expires:desc`.
struct Listing {
  private var page = 1
  private var pageSize = 10
  private var filters: [(field: String, comparison: String, value: String)] = []
  private var sort: (field: String, isDescending: Bool)?

  init(_ request: DemoRequest) {
    for (name, value) in request.parameters {
      switch name {
      case "page": page = min(max(1, Int(value) ?? 1), 1_000_000)
      case "pageSize": pageSize = min(max(1, Int(value) ?? 10), 100)
      case "filter[]", "filter":
        let parts = value.split(separator: ":", maxSplits: 2).map(String.init)
        if parts.count == 3 { filters.append((parts[0], parts[1], parts[2])) }
      case "sort":
        let parts = value.split(separator: ":").map(String.init)
        if let field = parts.first { sort = (field, parts.count > 1 && parts[1] == "desc") }
      default: break
      }
    }
  }

  /// `fields` maps the names that filters and sorts use to members of the entities; other names match nothing.
  func answer(_ name: String, _ entities: [JSON], fields: [String: String]) -> DemoResponse {
    var matching = entities.filter { entity in
      filters.allSatisfy { filter in
        guard let member = fields[filter.field], let value = entity[member] else { return false }
        switch filter.comparison {
        case "eq": return value.comparisonText == filter.value
        case "gt": return Self.precedes(filter.value, value.comparisonText)
        case "lt": return Self.precedes(value.comparisonText, filter.value)
        default: return false
        }
      }
    }
    if let sort, let member = fields[sort.field] {
      matching.sort {
        let (left, right) = ($0[member]?.comparisonText ?? "", $1[member]?.comparisonText ?? "")
        return sort.isDescending ? Self.precedes(right, left) : Self.precedes(left, right)
      }
    }
    let shown = matching.dropFirst((page - 1) * pageSize).prefix(pageSize)
    var answer: JSON = [:]
    answer.set(name, .array(Array(shown)))
    answer.set(
      "paging",
      [
        "page": .integer(page), "totalPages": .integer((matching.count + pageSize - 1) / pageSize),
        "totalItems": .integer(matching.count),
      ])
    return DemoResponse(json: answer)
  }

  private static func precedes(_ left: String, _ right: String) -> Bool {
    if let left = Int(left), let right = Int(right) { return left < right }
    return left < right
  }
}

extension JSON {
  fileprivate var comparisonText: String { text ?? description }
}
