import Testing

@testable import Settings

@Suite struct SectionTests {
  @Test(arguments: [
    ("upstreams: {url: http://a}", "f.yaml:6:1: upstreams: is not a key here; did you mean 'upstream'?"),
    (
      "limits: {streamwindow: 64KiB}",
      "f.yaml:6:10: limits.streamwindow: is not a key here; did you mean 'streamWindow'?"
    ),
    ("limits: {idel: 1s}", "f.yaml:6:10: limits.idel: is not a key here; did you mean 'idle'?"),
    ("log: {acces: off}", "f.yaml:6:7: log.acces: is not a key here; did you mean 'access'?"),
    ("log: {colour: off}", "f.yaml:6:7: log.colour: is not a key here; known are access, client, level, subject"),
    (
      "limits: {bufferedBytes: 1MiB}",
      "f.yaml:6:25: limits.bufferedBytes: expected a size (bytes, or 64KiB, 1MiB) from 4MiB to 65536MiB, found '1MiB'"
    ),
    ("log: {\"a\\nb\": 1}", "f.yaml:6:7: log.'a\u{FFFD}b': is not a key here; known are access, client, level, subject"),
    ("log: {<<: {level: info}}", "f.yaml:6:7: log.'<<': is not a key here; known are access, client, level, subject"),
  ])
  func `an unknown key is refused with its place and what was meant`(line: String, expected: String) {
    #expect(problem(changed(line)) == expected)
  }

  @Test func `every problem of a file is reported, in the order of the file`() {
    let text = """
      listen: [{address: 8080}, {adress: 127.0.0.1:1}]
      upstream: {url: http://127.0.0.1:3000/app, timeouts: {connect: 5}}
      corbado: {projectID: 123}
      issuers: []
      login: 7
      limits: {drain: fast}
      lgo: {}
      """
    #expect(
      problems(text) == [
        "f.yaml:1:20: listen[0].address: expected an address and port (0.0.0.0:8080, [::]:8080), or unix:PATH, found a number; put it in quotes if it is meant as text",
        "f.yaml:1:27: listen[1].address: is missing: an address and port (0.0.0.0:8080, [::]:8080), or unix:PATH",
        "f.yaml:1:28: listen[1].adress: is not a key here; did you mean 'address'?",
        "f.yaml:2:17: upstream.url: expected an http or https URL of host and port, or unix:PATH without a path: paths reach the app as the client sent them",
        "f.yaml:2:64: upstream.timeouts.connect: expected a duration (500ms, 30s, 10m, 1h, 90d) from 10ms to 1m, found '5' without a unit",
        "f.yaml:3:1: corbado.apiSecret: is missing: {file: PATH} or {env: NAME}; or basic or bearer instead of it",
        "f.yaml:3:22: corbado.projectID: expected a project ID (pro-…), found a number; put it in quotes if it is meant as text",
        "f.yaml:4:10: issuers: at least one is needed",
        "f.yaml:5:8: login: expected a mapping, found a number",
        "f.yaml:6:17: limits.drain: expected a duration (500ms, 30s, 10m, 1h, 90d) from 0ms to 1h, found 'fast'",
        "f.yaml:7:1: lgo: is not a key here; did you mean 'log'?",
      ])
  }

  @Test(arguments: ["", "# nothing\n", "[]", "text", "1", "null"])
  func `a file that is no mapping is refused`(text: String) {
    #expect(problems(text).count == 1)
  }

  @Test(arguments: [
    "limits:", "limits: null", "limits: []", "limits: x", "upstream: null", "listen: {address: 127.0.0.1:80}",
    "listen: [null]", "issuers: [[]]", "routes: x", "identity: {fields: []}", "identity: {fields: [a]}",
  ])
  func `a value of another shape is an error and never the default`(line: String) {
    #expect(!problems(changed(line)).isEmpty)
  }

  @Test func `a wrong value is never replaced by the default`() {
    let keys = [
      "workers", "upstream", "corbado", "connect", "login", "endpoints", "identity", "routes", "cors", "state",
      "probes", "limits", "log",
    ]
    for key in keys {
      for value in ["null", "true", "[[]]", "3.5", "\"\""] {
        #expect(!problems(changed("\(key): \(value)")).isEmpty, "\(key): \(value)")
      }
    }
  }

  @Test(arguments: [
    ("idel", "idle"), ("Idle", "idle"), ("drian", "drain"), ("headersection", "headerSection"), ("token", "token"),
  ])
  func `the nearest key is suggested`(word: String, expected: String) {
    #expect(nearest(to: word, in: ["idle", "drain", "headerSection", "token"]) == expected)
  }

  @Test(arguments: ["zzz", "", "idlenessOfEverything", "dr"])
  func `a word far from all keys suggests none`(word: String) {
    #expect(nearest(to: word, in: ["idle", "drain", "headerSection"]) == nil)
  }

  @Test func `a very long unknown key is cut in the message`() {
    let text = problem(changed(String(repeating: "k", count: 900) + ": 1"))
    #expect(text.hasPrefix("f.yaml:6:1: "))
  }
}
