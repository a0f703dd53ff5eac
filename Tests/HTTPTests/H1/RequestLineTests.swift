import HTTP
import Testing

@Suite struct RequestLineTests {
  @Test(arguments: [
    ("/", "/", nil), ("/a/b;c=%2F", "/a/b;c=%2F", nil), ("/?", "/", ""), ("/a?b=c?d", "/a", "b=c?d"),
    ("//a", "//a", nil),
    ("/a#b", "/a#b", nil),
  ])
  func `an origin-form target is split at its first question mark`(target: String, path: String, query: String?) throws
  {
    let parsed = try ParsedRequest("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(parsed.text(parsed.head.path) == path)
    #expect((parsed.head.hasQuery ? parsed.text(parsed.head.query) : nil) == query)
    #expect(parsed.text(parsed.head.target) == target)
  }

  @Test(arguments: [
    ("http://a.example/p?q", "a.example", "http", "/p?q"), ("http://a.example", "a.example", "http", "/"),
    ("http://a.example?q=1", "a.example", "http", "/?q=1"), ("HTTPS://A.example:8443/", "a.example:8443", "HTTPS", "/"),
    ("http://[::1]:80/x", "[::1]:80", "http", "/x"), ("http://a.example/http://b/", "a.example", "http", "/http://b/"),
  ])
  func `an absolute-form target is split into its parts`(
    target: String, host: String, scheme: String, origin: String
  ) throws {
    let parsed = try ParsedRequest("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
    #expect(parsed.text(parsed.head.scheme) == scheme)
    #expect(parsed.text(parsed.head.target) == origin)
    #expect(parsed.text(parsed.head.authority).lowercased() == host)
  }

  @Test func `an absolute-form target of OPTIONS without path and query means the server`() throws {
    let parsed = try ParsedRequest("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(parsed.text(parsed.head.path) == "*")
  }

  @Test(arguments: [
    "http://b/", "http://a:80/", "http://a.b/", "https://aa/",
  ])
  func `an absolute-form target that names another authority than Host is refused`(target: String) {
    #expect(refusal("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") == .requestMalformed(.hostDiffers))
  }

  @Test(arguments: ["http://", "http:///p", "http://u@a/", "http://u:p@a/", "http://a:b/", "http://a#f", "http://a,b/"])
  func `an absolute-form target without a valid authority is refused`(target: String) {
    #expect(refusal("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") == .authorityInvalid(.authority))
  }

  @Test(arguments: [
    "GET *", "GET a", "GET a:80", "GET http:/a", "GET http:a", "GET http", "GET ftp://a/", "GET httpss://a/",
    "GET ://a/",
    "GET ?a", "OPTIONS **", "OPTIONS *?a", "OPTIONS a", "GET ws://a/", "CONNECT /", "CONNECT http://a/", "CONNECT *",
  ])
  func `a target in no form of its method is refused`(line: String) {
    #expect(refusal("\(line) HTTP/1.1\r\nHost: a\r\n\r\n") == .requestMalformed(.targetForm))
  }

  @Test func `an asterisk is a target of OPTIONS`() throws {
    let parsed = try ParsedRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(parsed.text(parsed.head.path) == "*")
    #expect(parsed.head.method == .options)
  }

  @Test(arguments: ["TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"])
  func `TRACE and CONNECT are not allowed`(text: String) {
    #expect(refusal(text) == .methodNotAllowed)
  }

  @Test(arguments: [
    ("get", HTTP.Method.other), ("GET", .get), ("PATCH", .patch), ("M-SEARCH", .other), ("GETS", .other),
  ])
  func `methods are case-sensitive and any token is one`(name: String, method: HTTP.Method) throws {
    let parsed = try ParsedRequest("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(parsed.head.method == method)
    #expect(parsed.text(parsed.head.methodName) == name)
  }
}
