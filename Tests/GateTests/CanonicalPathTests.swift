import Testing

@testable import Gate

@Suite struct `Canonical path` {
  static func read(_ path: String) throws(Denial) {
    var readings = PathReadings()
    try readings.read([UInt8](path.utf8).span)
  }

  @Test(arguments: [
    // Dot segments raw and encoded.
    "/.", "/..", "/a/.", "/a/..", "/a/./b", "/a/../b", "/../a", "/%2e", "/%2E%2E/a", "/.%2e/a", "/%2e./a", "/a/%2e%2e",
    // Behind an encoded slash.
    "/a%2f..%2fb", "/a%2F%2e%2e", "/..%2fa",
    // When decoded once more.
    "/%252e%252e/a", "/a/%252e", "/.%252e/", "/%2e%252e/", "/a%252f..%252fb", "/a/..%255cb",
    // When the parameter is cut off.
    "/..;/a", "/..;x=1/a", "/.;a", "/%2e%2e;x/", "/..%3bx/a", "/..%253bx/a", "/a/.;",
  ])
  func `a dot segment is refused in every spelling`(path: String) {
    #expect(throws: Denial.pathNotCanonical) { try Self.read(path) }
  }

  @Test(arguments: [#"/a\b"#, "/a%5cb", "/a%5C", "/%00", "/a%00b"])
  func `backslash and NUL are refused raw and encoded`(path: String) {
    #expect(throws: Denial.pathNotCanonical) { try Self.read(path) }
  }

  @Test(arguments: ["/%", "/a%2", "/%g0", "/%0g", "/%%41", "/a%", "/%-1"])
  func `a bad escape is refused`(path: String) {
    #expect(throws: Denial.pathNotCanonical) { try Self.read(path) }
  }

  @Test func `every byte outside RFC 3986 is refused`() {
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/[]".utf8)
    for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: "%") {
      var readings = PathReadings()
      let path = [UInt8("/".utf8.first!), UInt8(ascii: "a"), byte, UInt8(ascii: "b")]
      let isAccepted = (try? readings.read(path.span)) != nil
      #expect(isAccepted == allowed.contains(byte), "byte \(byte)")
    }
  }

  @Test(arguments: ["", "a", "*", "http://a/b", "?"])
  func `what does not begin with a slash is refused`(path: String) {
    #expect(throws: Denial.pathNotCanonical) { try Self.read(path) }
  }

  @Test(arguments: [
    "/", "/a", "/a/b.c", "/a//b", "/a/", "/...", "/.a", "/a.", "/a..b", "/a;x=1/b", "/a%2Fb", "/%41", "/a%20b",
    "/%c3%a9",
    "/a%25b", "/a:b@c", "/.well-known/x", "/%252e%252ea", "/;..", "/a/[id]",
  ])
  func `what is canonical is accepted`(path: String) throws {
    try Self.read(path)
  }

  @Test(arguments: [
    ("a=1&b=%zz|{}^`\\\"<>[]", true), ("a b", false), ("a#b", false), ("é", false), ("a\u{7F}", false), ("", true),
  ])
  func `a query is refused only for bytes that no query has`(query: String, isAccepted: Bool) {
    #expect(PathReadings.isAcceptedQuery([UInt8](query.utf8).span) == isAccepted)
  }

  @Test func `reading one path after the other leaves nothing of the first`() throws {
    var readings = PathReadings()
    try readings.read([UInt8]("/A;x//b%2Fc.json/".utf8).span)
    try readings.read([UInt8]("/plain/path".utf8).span)
    let isPlain = readings.isPlain
    let segmentCount = readings.wide.count
    let hasExtension = readings.withoutExtension != nil || readings.lastIsExtension
    let endsInSlash = readings.narrowEndsInSlash
    let lastOdd = readings.lastOdd
    #expect(isPlain && segmentCount == 2 && !hasExtension && !endsInSlash && lastOdd == -1)
  }

  @Test func `the readings of random bytes never trap`() {
    var generator = SeededGenerator(seed: 1)
    var readings = PathReadings()
    for _ in 0..<20_000 {
      var path = [UInt8(ascii: "/")]
      for _ in 0..<Int.random(in: 0..<24, using: &generator) {
        path.append(Array("/.;%2eEfF5cC0aAB*".utf8).randomElement(using: &generator)!)
      }
      _ = try? readings.read(path.span)
    }
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
