import HTTP
import Testing

@testable import Gate

@Suite struct `Route rules` {
  /// The position of the deciding rule, -1 for none.
  static func rule(
    _ routes: [RouteRule], _ target: String, method: String = "GET", _ fields: [(String, String)] = [],
    upgrade: String? = nil
  ) throws -> Int {
    let policy = Fixture { $0.routes = routes }.policy
    var readings = PathReadings()
    var candidates: [Int] = []
    let head = RequestHead(method, target, fields, upgrade: upgrade)
    try readings.read(head.fields.bytes.span.extracting(head.path.range))
    return try policy.rule(for: head, readings, candidates: &candidates) ?? -1
  }

  static let admin = [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))]
  static let staff = [ClaimRule(claim: "roles", condition: .anyOf([.text("staff")]))]

  @Test func `the first match decides`() throws {
    let routes = [RouteRule(path: "/a/b", access: .public), RouteRule(path: "/a/*", claims: Self.admin)]
    #expect(try Self.rule(routes, "/a/b") == 0)
    #expect(try Self.rule(routes, "/a/c") == 1)
    #expect(try Self.rule(routes, "/b") == -1)
  }

  static let open = [RouteRule(path: "/public/**", access: .public), RouteRule(path: "/p/x", access: .optional)]

  @Test(arguments: [
    "/PUBLIC/a", "/public//a", "/public/a//b", "/public/a;b", "/public;x/a", "/public%2Fa", "/public/a%2Fb", "/public",
    "/p/x/", "/p/x.json", "/p/X", "/p//x", "/public/a%3Bb",
  ])
  func `an opening rule does not open another spelling`(path: String) throws {
    #expect(try Self.rule(Self.open, path) == -1)
  }

  @Test(arguments: [
    ("/public/a", 0), ("/public/", 0), ("/publi%63/a", 0), ("/p/x", 1), ("/public/a.json", 0), ("/public/A", 0),
  ])
  func `an opening rule opens what it says`(path: String, rule: Int) throws {
    #expect(try Self.rule(Self.open, path) == rule)
  }

  static let closed = [RouteRule(path: "/admin/**", claims: admin), RouteRule(path: "/**", access: .public)]

  @Test(arguments: [
    "/admin/x", "/admin", "/admin/", "/ADMIN/x", "/admin//x", "//admin/x", "/admin;a=b/x", "/admin%2Fx", "/%41dmin/x",
    "/admin.json", "/Admin/X.json", "/admin/x;y", "/;a/admin/x",
  ])
  func `a restricting rule restricts every spelling`(path: String) throws {
    #expect(try Self.rule(Self.closed, path) == 0)
  }

  @Test(arguments: ["/", "/a", "/administrator", "/a/admin"])
  func `a restricting rule restricts nothing else`(path: String) throws {
    #expect(try Self.rule(Self.closed, path) == 1)
  }

  @Test func `a plain required rule before a public one restricts every spelling too`() throws {
    let routes = [RouteRule(path: "/files/private"), RouteRule(path: "/files/*", access: .public)]
    #expect(try Self.rule(routes, "/files/private") == 0)
    #expect(try Self.rule(routes, "/files/PRIVATE") == 0)
    #expect(try Self.rule(routes, "/files/private.txt") == 0)
    #expect(try Self.rule(routes, "/files/other") == 1)
  }

  @Test(arguments: [
    "/a/login;x", "/a;x/login", "/a//login", "//a/login", "/a/login/", "/a/Login", "/a/login.json", "/a/login%2F",
    "/a/login%3Bx", "/a/login;",
  ])
  func `a restricting rule behind an opening one restricts what that does not open`(path: String) throws {
    let routes = [RouteRule(path: "/a/login", access: .public), RouteRule(path: "/a/**", claims: Self.admin)]
    #expect(try Self.rule(routes, path) == 1)
  }

  @Test(arguments: ["/a/x/", "/a/x;y", "/a//x", "/a/x.json"])
  func `so does one with a wildcard for a segment`(path: String) throws {
    let routes = [RouteRule(path: "/a/x", access: .public), RouteRule(path: "/a/*", claims: Self.admin)]
    #expect(try Self.rule(routes, path) == 1)
  }

  @Test func `the same path under an exact rule keeps its extension`() throws {
    let routes = [RouteRule(path: "/a", isExact: true, claims: Self.admin), RouteRule(path: "/**", access: .public)]
    #expect(try Self.rule(routes, "/a.json") == 1)
    #expect(try Self.rule(routes, "/A") == 0)
  }

  @Test func `of two readings the stricter rule decides, in either order`() throws {
    let first = [RouteRule(path: "/a", claims: Self.admin), RouteRule(path: "/A", claims: Self.admin + Self.staff)]
    #expect(try Self.rule(first, "/A") == 1)
    #expect(try Self.rule(first, "/a") == 0)
    let second = [RouteRule(path: "/a", claims: Self.admin + Self.staff), RouteRule(path: "/A", claims: Self.admin)]
    #expect(try Self.rule(second, "/A") == 0)
  }

  @Test func `two readings with rules that cannot be compared are ambiguous`() throws {
    let routes = [RouteRule(path: "/a", claims: Self.admin), RouteRule(path: "/**", claims: Self.staff)]
    #expect(throws: Denial.pathAmbiguous) { try Self.rule(routes, "/A") }
    #expect(throws: Denial.pathAmbiguous) { try Self.rule(routes, "/a/") }
    #expect(try Self.rule(routes, "/a") == 0)
  }

  @Test(arguments: ["/a/b;x", "/a//b", "//a/b", "/a/b;"])
  func `so are they where an app may take an odd segment for one of its own`(path: String) throws {
    let routes = [RouteRule(path: "/a/b", claims: Self.admin), RouteRule(path: "/**", claims: Self.staff)]
    #expect(throws: Denial.pathAmbiguous) { try Self.rule(routes, path) }
  }

  @Test func `a rule that only a reading in between chooses counts as well`() throws {
    // An app that ignores the trailing slash and heeds case serves /a/B/ as /a/B, which is rule 1.
    let routes = [RouteRule(path: "/a/b", claims: Self.admin), RouteRule(path: "/a/*", claims: Self.staff)]
    #expect(throws: Denial.pathAmbiguous) { try Self.rule(routes, "/a/B/") }
    // With the slash alone no reading chooses rule 1.
    #expect(try Self.rule(routes, "/a/b/") == 0)
  }

  @Test(arguments: [
    (RouteRule(path: "/A", issuers: ["https://idp.test/"]), RouteRule(path: "/**", access: .public), 0),
    (RouteRule(path: "/A", passkeyWithin: .seconds(60)), RouteRule(path: "/**", passkeyWithin: .seconds(600)), 0),
    (RouteRule(path: "/A", passkeyWithin: .seconds(600)), RouteRule(path: "/**", passkeyWithin: .seconds(60)), 1),
    (RouteRule(path: "/A", audiences: ["x"]), RouteRule(path: "/**", audiences: ["x", "y"]), 0),
    (RouteRule(path: "/A", access: .optional), RouteRule(path: "/**", access: .public), 0),
    (RouteRule(path: "/A", access: .optional, badToken: .anonymous), RouteRule(path: "/**", access: .optional), 1),
    (RouteRule(path: "/A", access: .public), RouteRule(path: "/**"), 1),
  ])
  func `what is stricter`(first: RouteRule, second: RouteRule, expected: Int) throws {
    // "/a" is "/A" in the wide reading only.
    #expect(try Self.rule([first, second], "/a") == expected)
  }

  @Test func `what a rule does with preflights is strict or not for these alone`() throws {
    let forwards = RouteRule(path: "/A", claims: Self.admin, forwardsPreflight: true)
    let preflight = [("origin", "https://x.test"), ("access-control-request-method", "PUT")]
    #expect(try Self.rule([forwards], "/a") == 0)
    #expect(try Self.rule([forwards], "/a", method: "OPTIONS") == 0)
    #expect(throws: Denial.pathAmbiguous) { try Self.rule([forwards], "/a", method: "OPTIONS", preflight) }
    let plain = [RouteRule(path: "/A", forwardsPreflight: true), RouteRule(path: "/**")]
    #expect(try Self.rule(plain, "/a", method: "OPTIONS", preflight) == 1)
    let reversed = [RouteRule(path: "/A"), RouteRule(path: "/**", forwardsPreflight: true)]
    #expect(try Self.rule(reversed, "/a", method: "OPTIONS", preflight) == 0)
  }

  @Test(arguments: ["post", "Post", "pOST", "purge", "get", "head"])
  func `a restricting rule holds for its methods in every spelling, since some apps read them so`(method: String) throws {
    let routes = [
      RouteRule(path: "/a", methods: ["GET", "POST", "PURGE"], claims: Self.admin), RouteRule(path: "/**", access: .public),
    ]
    #expect(try Self.rule(routes, "/a", method: method) == 0)
    #expect(try Self.rule(routes, "/a", method: method + "d") == 1)
  }

  @Test func `a rule with methods leaves other methods to the next`() throws {
    let routes = [RouteRule(path: "/a", methods: ["GET"], access: .public), RouteRule(path: "/a", methods: ["PURGE"])]
    #expect(try Self.rule(routes, "/a") == 0)
    #expect(try Self.rule(routes, "/a", method: "POST") == -1)
    #expect(try Self.rule(routes, "/a", method: "get") == -1)
    #expect(try Self.rule(routes, "/a", method: "PURGE") == 1)
    #expect(try Self.rule(routes, "/a", method: "PURGED") == -1)
  }

  @Test func `what restricts GET restricts HEAD, what opens GET does not open HEAD`() throws {
    let routes = [
      RouteRule(path: "/a", methods: ["GET"], claims: Self.admin),
      RouteRule(path: "/b", methods: ["GET"], access: .public),
    ]
    #expect(try Self.rule(routes, "/a", method: "HEAD") == 0)
    #expect(try Self.rule(routes, "/b", method: "HEAD") == -1)
  }

  @Test func `an extended CONNECT counts as GET`() throws {
    let routes = [
      RouteRule(path: "/ws", methods: ["GET"], claims: Self.admin), RouteRule(path: "/**", access: .public),
    ]
    #expect(try Self.rule(routes, "/ws", method: "CONNECT", upgrade: "websocket") == 0)
  }

  @Test func `whatever the spelling, what is allowed is allowed by each reading of it`() throws {
    // An independent model: every combination of transformations that an app may apply, the first matching rule of
    // each.
    var generator = SeededGenerator(seed: 2)
    let pieces = ["/", "//", "a", "A", "b", "B", ";x", "%2F", "%61", "%41", ".json", ".", "/a", "/b/", "%3B", "c"]
    var judged = 0
    for _ in 0..<1_000 {
      let routes = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
        let path = ["/a", "/a/b", "/a/*", "/a/**", "/**", "/A", "/a/B", "/b", "/*/b", "/a.json", "/a;x"].randomElement(
          using: &generator)!
        let access = [RouteRule.Access.public, .optional, .required].randomElement(using: &generator)!
        let claims = access == .required ? [[], Self.admin, Self.staff].randomElement(using: &generator)! : []
        return RouteRule(path: path, access: access, isExact: Bool.random(using: &generator), claims: claims)
      }
      let target =
        "/"
        + (0..<Int.random(in: 0...5, using: &generator)).map { _ in pieces.randomElement(using: &generator)! }.joined()
      guard let chosen = try? Self.rule(routes, target) else { continue }
      let policy = Fixture { $0.routes = routes }.policy
      let requirement = policy.requirement(ofRule: chosen < 0 ? nil : chosen)
      for reading in PathModel.readings(of: target) {
        let rule = routes.firstIndex { PathModel.matches($0, reading) }
        #expect(
          requirement.isAsStrict(as: policy.requirement(ofRule: rule)),
          "\(target) read as \(reading) under \(routes.map(\.path))")
        judged += 1
      }
    }
    #expect(judged > 20_000)
  }
}

/// A second, slow opinion on paths, by strings.
enum PathModel {
  struct Reading: CustomStringConvertible {
    var segments: [String]
    /// The segments without the extension of the last, for an app that ignores it.
    var shortened: [String]
    var endsInSlash: Bool
    var foldsCase: Bool
    var ignoresSlash: Bool
    var description: String { "\(segments)\(endsInSlash ? "/" : "")" }
  }

  static func readings(of target: String) -> [Reading] {
    var readings: [Reading] = []
    for bits in 0..<64 {
      func has(_ bit: Int) -> Bool { bits >> bit & 1 == 1 }
      var path = decoded(target, unreservedOnly: !has(0))
      if has(1) { path = path.lowercased() }
      var parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      if has(2) { parts = parts.map { String($0.prefix { $0 != ";" }) } }
      let endsInSlash = parts.last == ""
      if endsInSlash { parts.removeLast() }
      if has(3) { parts.removeAll { $0 == "" } }
      var shortened = parts
      if has(5), let last = parts.last, let dot = last.lastIndex(of: ".") {
        shortened[parts.count - 1] = String(last[..<dot])
      }
      readings.append(
        Reading(
          segments: parts, shortened: shortened, endsInSlash: endsInSlash, foldsCase: has(1), ignoresSlash: has(4)))
    }
    return readings
  }

  static func matches(_ rule: RouteRule, _ reading: Reading) -> Bool {
    var pattern = rule.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if pattern == [""] { pattern = [] }
    let coversRest = pattern.last == "**"
    if coversRest { pattern.removeLast() }
    if reading.foldsCase { pattern = pattern.map { $0.lowercased() } }
    let segments = rule.isExact ? reading.segments : reading.shortened
    let hasSlash = reading.endsInSlash && !reading.ignoresSlash
    if coversRest {
      guard segments.count > pattern.count || segments.count == pattern.count && reading.endsInSlash else {
        return false
      }
      // An app gives what is below a path to the same code, however odd the rest is.
    } else {
      guard segments.count == pattern.count, !hasSlash else { return false }
    }
    return zip(pattern, segments).allSatisfy { $0 == "*" ? !$1.isEmpty : $0 == $1 }
  }

  private static func decoded(_ path: String, unreservedOnly: Bool) -> String {
    var result = ""
    var rest = path[...]
    while let first = rest.first {
      guard first == "%", let value = UInt8(rest.dropFirst().prefix(2), radix: 16) else {
        result.append(first)
        rest = rest.dropFirst()
        continue
      }
      let character = Character(Unicode.Scalar(value))
      if unreservedOnly && !(character.isLetter || character.isNumber || "-._~".contains(character)) {
        result += rest.prefix(3)
      } else {
        result.append(character)
      }
      rest = rest.dropFirst(3)
    }
    return result
  }
}
