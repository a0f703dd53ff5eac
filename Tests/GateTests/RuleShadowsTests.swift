import HTTP
import Testing

@testable import Gate

@Suite struct `Rules before rules` {
  static func shadows(_ routes: [RouteRule]) -> [RuleShadow] { Fixture { $0.routes = routes }.policy.shadows }
  static let admin = [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))]

  @Test(arguments: [
    ("/a", "/a"), ("/a/*", "/a/b"), ("/**", "/"), ("/**", "/a/*/b"), ("/a/**", "/a/"), ("/a/**", "/a/b/**"),
    ("/*/b", "/a/b"), ("/a%2Fb", "/a%2fb"), ("/%61", "/a"),
  ])
  func `a rule behind one that matches all of its paths never decides`(first: String, second: String) {
    let found = Self.shadows([RouteRule(path: first, claims: Self.admin), RouteRule(path: second)])
    #expect(found == [RuleShadow(first: 0, second: 1, isWhole: true, opens: false)])
  }

  @Test(arguments: [
    ("/a", "/b"), ("/a/b", "/a/*"), ("/a/**", "/a"), ("/a/**", "/**"), ("/a", "/a/"), ("/*", "/a;x"), ("/a/**", "/a/b;c"),
    ("/*", "/a%2Fb"), ("/a", "/A"),
  ])
  func `a special rule before a general one, and rules apart, are no shadows`(first: String, second: String) {
    #expect(Self.shadows([RouteRule(path: first, claims: Self.admin), RouteRule(path: second)]) == [])
  }

  @Test func `rules that cross are told, unless they ask for the same`() {
    let crossing = [RouteRule(path: "/a/*", access: .public), RouteRule(path: "/*/b")]
    #expect(Self.shadows(crossing) == [RuleShadow(first: 0, second: 1, isWhole: false, opens: true)])
    #expect(Self.shadows([RouteRule(path: "/a/*"), RouteRule(path: "/*/b")]) == [])
  }

  @Test func `methods count`() {
    let get = RouteRule(path: "/a", methods: ["GET"], access: .public)
    #expect(Self.shadows([get, RouteRule(path: "/a")]) == [])
    #expect(Self.shadows([get, RouteRule(path: "/a", methods: ["POST"])]) == [])
    let whole = RuleShadow(first: 0, second: 1, isWhole: true, opens: true)
    #expect(Self.shadows([RouteRule(path: "/a", access: .public), RouteRule(path: "/a", methods: ["X"])]) == [whole])
  }

  @Test func `what is called whole takes every path that is written as the rule writes it`() throws {
    var generator = SeededGenerator(seed: 11)
    let paths = ["/a", "/a/", "/a/b", "/a/*", "/a/**", "/**", "/*/b", "/A", "/b/**", "/a;x", "/*", "/a/b/**", "/a.b"]
    let targets = ["/a", "/a/", "/a/b", "/a/c", "/b/b", "/A", "/a;x", "/b/", "/a/b/c", "/", "/a.b", "/a/b/", "/b/c/b"]
    for _ in 0..<600 {
      let rules = [paths.randomElement(using: &generator)!, paths.randomElement(using: &generator)!].map {
        RouteRule(path: $0, isExact: true)
      }
      let isWhole = Self.shadows([rules[0], RouteRule(path: rules[1].path, isExact: true, claims: Self.admin)])
        .contains { $0.isWhole }
      let patterns = try rules.map { try PathPattern($0.path, isExact: true) }
      for target in targets {
        var readings = PathReadings()
        let bytes = [UInt8](target.utf8)
        try readings.read(bytes.span)
        let (first, second) = (patterns[0].match(readings).narrow, patterns[1].match(readings).narrow)
        #expect(!isWhole || !second || first, "\(rules.map(\.path)) at \(target)")
      }
    }
  }

  @Test(arguments: [("/login", false), ("/login?a=b", false), ("/x", true), ("/maybe", false), ("/a/../b", true)])
  func `whether a page needs a token is known`(target: String, needsToken: Bool) {
    let policy = Fixture {
      $0.routes = [RouteRule(path: "/login", access: .public), RouteRule(path: "/maybe", access: .optional)]
    }.policy
    #expect(policy.asksForToken(at: target) == needsToken)
  }
}
