import Testing

@testable import Gate

@Suite struct `Path patterns` {
  enum Match: Equatable { case none, wideOnly, both }

  static func match(_ pattern: String, _ path: String, isExact: Bool = false) throws -> Match {
    var readings = PathReadings()
    try readings.read([UInt8](path.utf8).span)
    let match = try PathPattern(pattern, isExact: isExact).match(readings)
    // Narrow without wide would be an opening that no restriction could close.
    #expect(!match.narrow || match.wide)
    return match.narrow ? .both : match.wide ? .wideOnly : .none
  }

  @Test(arguments: [
    ("/health", "/health", Match.both), ("/health", "/healthz", .none), ("/health", "/", .none), ("/", "/", .both),
    ("/", "/a", .none), ("/a/b", "/a/b", .both), ("/a/b", "/a", .none), ("/a/b", "/a/b/c", .none),
    // Longer than what is compared at once.
    ("/abcdefghij", "/abcdefghij", .both), ("/abcdefghij", "/abcdefghik", .none), ("/abcdefgh", "/abcdefghi", .none),
    // One segment.
    ("/a/*", "/a/b", .both), ("/a/*", "/a", .none), ("/a/*", "/a/b/c", .none), ("/a/*/c", "/a/b/c", .both),
    ("/*", "/", .none), ("/a/*", "/a/", .none),
    // The rest.
    ("/a/**", "/a/b", .both), ("/a/**", "/a/b/c/d", .both), ("/a/**", "/a/", .both), ("/a/**", "/a/b/", .both),
    ("/a/**", "/a", .wideOnly), ("/a/**", "/ab", .none), ("/**", "/", .both), ("/**", "/a/b", .both),
    ("/a/*/**", "/a/b/c", .both), ("/a/*/**", "/a/b", .wideOnly),
  ])
  func `a pattern matches its paths`(pattern: String, path: String, expected: Match) throws {
    #expect(try Self.match(pattern, path) == expected)
  }

  @Test(arguments: [
    ("/admin/x", "/ADMIN/x"), ("/admin/x", "/admin//x"), ("/admin/x", "//admin/x"), ("/admin/x", "/admin/x/"),
    ("/admin/x", "/admin;y=1/x"), ("/admin/x", "/admin/x;y"), ("/admin/x", "/admin/x;"), ("/admin/x", "/;z/admin/x"),
    ("/admin/x", "/admin%2Fx"), ("/admin/x", "/admin%2fx"), ("/admin/x", "/admin/x.json"),
    ("/admin/x", "/admin/x.json/"),
    ("/admin/x", "/admin/x.json;y"), ("/admin", "/admin/.json"), ("/admin/**", "/admin.json"),
    ("/admin/x", "/admin/x%2F"),
    ("/admin/x", "/admin/x%3By"), ("/admin/x", "/%41dmin/x"), ("/Admin", "/admin"), ("/admin/*", "/admin/x/"),
    ("/a b".replacing(" ", with: "%20"), "/A%20b"), ("/admin/**", "/admin//x"), ("/admin/**", "/admin/x;y"),
    ("/admin/**", "/admin/x%2Fy"), ("/admin/**", "/admin/x//y"), ("/admin/*", "/admin/x;y"), ("/a/x", "/a/x.tar/"),
  ])
  func `another spelling matches widely only`(pattern: String, path: String) throws {
    #expect(try Self.match(pattern, path) == .wideOnly)
  }

  @Test(arguments: [
    ("/admin", "/%61dmin"), ("/a-b", "/a%2Db"), ("/a%2Fb", "/a%2Fb"), ("/a%2Fb", "/a%2fb"), ("/a;b", "/a;b"),
    ("/a//b", "/a//b"), ("/%C3%A9", "/%c3%a9"), ("/a/", "/a/"), ("/a.json", "/a.json"), ("/A", "/A"),
    ("/caf%C3%A9/*", "/caf%C3%A9/x"),
  ])
  func `the same path spelled as the rule writes it matches in both`(pattern: String, path: String) throws {
    #expect(try Self.match(pattern, path) == .both)
  }

  @Test(arguments: [
    ("/admin/x", "/admin/x.json", false), ("/admin", "/admin/.json", false), ("/admin/x", "/ADMIN/x", true),
    ("/admin/x", "/admin/x/", true),
  ])
  func `an exact rule heeds the extension and nothing else`(pattern: String, path: String, matches: Bool) throws {
    #expect(try Self.match(pattern, path, isExact: true) == (matches ? .wideOnly : .none))
  }

  @Test(arguments: [
    ("/r/a.pdf", "/r/a.csv"), ("/r/a.pdf", "/r/a"), ("/a", "/a.tar.gz"), ("/a/b", "/a.x/b"), ("/ab", "/a%62c"),
  ])
  func `only the extension of the request is ignored, and only the last`(pattern: String, path: String) throws {
    #expect(try Self.match(pattern, path) == .none)
  }

  @Test(arguments: [
    ("health", PolicyError.Problem.pathMalformed), ("", .pathMalformed), ("/a b", .pathMalformed),
    ("/a?b", .pathMalformed),
    ("/a#", .pathMalformed), ("/../a", .pathMalformed), ("/%zz", .pathMalformed), ("/é", .pathMalformed),
    ("/a/;x", .pathMalformed), ("/a*", .wildcardMisplaced), ("/a/**/b", .wildcardMisplaced),
    ("/**a", .wildcardMisplaced),
    ("/a/***", .wildcardMisplaced), ("/a/**/", .wildcardMisplaced),
  ])
  func `a malformed pattern is refused`(pattern: String, problem: PolicyError.Problem) {
    #expect(throws: problem) { try PathPattern(pattern) }
  }
}
