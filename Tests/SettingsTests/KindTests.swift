import HTTPClient
import Testing
import Transport

@testable import Settings

@Suite struct KindTests {
  /// The value, or the message about it.
  private func read<Value>(_ kind: Kind<Value>, _ text: String) -> (value: Value?, message: String) {
    let reading = Reading(file: "f", sources: SettingsSources(besides: "/etc/f"))
    let node =
      YAMLTree(Array(text.utf8)).root
      ?? Node(content: .scalar(.init(text: "", isPlain: true)), position: .init(line: 1, column: 1))
    let value = kind.read(Place(reading: reading, path: "k", node: node))
    #expect((value == nil) == !reading.problems.isEmpty)
    return (value, reading.problems.map(\.message).joined(separator: "\n"))
  }

  @Test(arguments: [
    ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("10m", .seconds(600)), ("1h", .seconds(3600)),
    ("90d", .seconds(7_776_000)), ("0s", .zero), ("\"5s\"", .seconds(5)),
  ])
  func `durations are a number and a unit`(text: String, expected: Duration) {
    #expect(read(.duration(.zero...(.seconds(10_000_000))), text).value == expected)
  }

  @Test(arguments: [
    "30", "0", "s", "1.5s", "-1s", "+1s", "1 s", "1h30m", "1S", "1w", "010s", "", "null", "true", "[1s]", "{a: 1s}", "٣s",
    "99999999999999999999s", "9223372036854775807d",
  ])
  func `anything else is no duration`(text: String) {
    #expect(read(.duration(.zero...(.seconds(100))), text).value == nil)
  }

  @Test(arguments: [("99ms", false), ("100ms", true), ("2s", true), ("2001ms", false)])
  func `durations have bounds, which are inside`(text: String, isAccepted: Bool) {
    let (value, message) = read(.duration(.milliseconds(100)...(.seconds(2))), text)
    #expect((value != nil) == isAccepted)
    if !isAccepted { #expect(message.contains("from 100ms to 2s")) }
  }

  @Test func `a number where a duration is needed is told to need a unit`() {
    #expect(read(.duration(.zero...(.seconds(100))), "30").message.contains("without a unit"))
  }

  @Test(arguments: [("0", 0), ("100", 100), ("64KiB", 65_536), ("1MiB", 1_048_576), ("\"7\"", 7)])
  func `sizes are bytes, KiB or MiB`(text: String, expected: Int) {
    #expect(read(.size(0...(1 << 30)), text).value == expected)
  }

  @Test(arguments: ["64K", "64KB", "064KiB", "64kib", "1GiB", "-1", "1.5MiB", "KiB", "", "9223372036854775807MiB", "1e3"])
  func `anything else is no size`(text: String) {
    #expect(read(.size(0...Int.max), text).value == nil)
  }

  @Test(arguments: [
    ("1", 1), ("10", 10), ("0", nil), ("11", nil), ("0x5", nil), ("010", nil), ("1.0", nil), ("99999999999999999999", nil),
    ("true", nil),
  ])
  func `counts are decimal and in range`(text: String, expected: Int?) {
    #expect(read(.count(1...10), text).value == expected)
  }

  @Test(arguments: [
    ("true", true), ("false", false), ("yes", nil), ("on", nil), ("True", nil), ("\"true\"", nil), ("1", nil),
    ("null", nil),
  ])
  func `flags are true or false`(text: String, expected: Bool?) {
    #expect(read(.flag, text).value == expected)
  }

  @Test(arguments: [
    ("a", "a"), ("yes", "yes"), ("off", "off"), ("\"1\"", "1"), ("'true'", "true"), ("\"null\"", "null"),
  ])
  func `text is text`(text: String, expected: String) {
    #expect(read(.text("t"), text).value == expected)
  }

  @Test(arguments: [
    "1", "1.5", "true", "null", "~", "", "\"\"", "[a]", "{a: b}", "\"a\\nb\"", "\"\\0\"", "\"\\x85\"", "|\n  a\n  b\n",
  ])
  func `a number, truth value, nothing, list, mapping or control character is no text`(text: String) {
    #expect(read(.text("t"), text).value == nil)
  }

  @Test(arguments: [
    ("0.0.0.0:8080", "0.0.0.0:8080"), ("127.0.0.1:1", "127.0.0.1:1"), ("\"[::]:65535\"", "[::]:65535"),
    ("\"[::1]:80\"", "[::1]:80"),
    ("localhost:80", "127.0.0.1:80"), ("unix:/run/x", "unix:/run/x"), ("unix:x", "unix:/etc/x"), ("unix:///run/x", "unix:/run/x"),
  ])
  func `listening takes an address and a port`(text: String, expected: String) {
    #expect(read(.listenAddress, text).value?.description == expected)
  }

  @Test(arguments: [
    "8080", "\":8080\"", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:080000", "::1:80",
    "\"[127.0.0.1]:80\"", "\"[::1]\"",
    "example.com:80", "\"[::1]x:80\"", "256.0.0.1:80", "unix:", "unix:/\(String(repeating: "x", count: 107))", "\"127.0.0.1:８０\"",
  ])
  func `listening takes nothing else`(text: String) {
    #expect(read(.listenAddress, text).value == nil)
  }

  @Test(arguments: [
    "https://a.example", "https://a.example:8443/x?y", "http://127.0.0.1:1/", "http://localhost/",
    "\"http://[::1]:3/\"",
  ])
  func `services are reached by https, or on this host`(text: String) {
    #expect(read(.serviceURL(allowsCleartext: false), text).value != nil)
  }

  @Test(arguments: [
    "http://a.example/", "http://localhost.example/", "http://idp.localhost/", "http://127.0.0.1.example/",
    "http://128.0.0.1/", "ftp://a.example", "https://",
    "https://u:p@a.example/", "https://a.example/#f", "a.example", "https://a example/", "\"http://[::ffff:8.8.8.8]/\"",
  ])
  func `other URLs of services are refused`(text: String) {
    #expect(read(.serviceURL(allowsCleartext: false), text).value == nil)
  }

  @Test func `cleartext is allowed where the configuration says so`() {
    #expect(read(.serviceURL(allowsCleartext: true), "http://a.example/").value != nil)
  }

  @Test(arguments: [
    ("http://app:3000", true), ("http://app:3000/", true), ("http://app/x", false), ("https://app", true),
    ("https://app:8443/x", false), ("unix:/s", true), ("unix:///s", true), ("unix:", false), ("app:3000", false),
  ])
  func `the app is host and port`(text: String, isAccepted: Bool) {
    #expect((read(.upstreamLocation, text).value != nil) == isAccepted)
  }

  @Test func `a list is refused for one bad element and for a repeated one, at its place`() {
    let kind: Kind<[String]> = .list(of: .text("t"))
    #expect(read(kind, "[a, b]").value == ["a", "b"])
    #expect(read(kind, "[a, 1, {}]").message.split(separator: "\n").count == 2)
    #expect(read(kind, "[a, b, a]").message.contains("second time"))
    #expect(read(kind, "a").value == nil)
    #expect(read(.list(of: Kind<String>.text("t"), atLeast: 1), "[]").value == nil)
  }

  @Test(arguments: [Duration.zero, .milliseconds(1), .seconds(90), .seconds(3600), .seconds(86_400 * 90)])
  func `durations are written as they are read`(duration: Duration) {
    #expect(read(.duration(.zero...(.seconds(10_000_000))), durationText(duration)).value == duration)
  }

  @Test(arguments: [0, 1, 1023, 1024, 65_536, 1_048_576, 1_048_577])
  func `sizes are written as they are read`(bytes: Int) {
    #expect(read(.size(0...Int.max), sizeText(bytes)).value == bytes)
  }
}
