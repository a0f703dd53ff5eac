/// What is odd and still has one reading: the app gets exactly that one. And what is refused for its meaning, after which
/// the connection goes on.
enum AcceptedCases {
  private static func post(_ name: String, _ lines: String, _ content: String, seen body: String) -> WireCase {
    WireCase(name, "POST /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\(lines)\r\n\(content)", [200], seen: ["POST /s/ID \(body)"])
  }

  static let bodies: [WireCase] = [
    post("CL", "Content-Length: 3\r\n", "abc", seen: "abc"), post("CL: zeros before", "Content-Length: 0003\r\n", "abc", seen: "abc"),
    post("CL: a tab before", "Content-Length:\t3\r\n", "abc", seen: "abc"),
    post("CL: a space behind", "Content-Length: 3 \t\r\n", "abc", seen: "abc"),
    post("CL: no space before", "Content-Length:3\r\n", "abc", seen: "abc"),
    post("CL: in capitals", "CONTENT-LENGTH: 3\r\n", "abc", seen: "abc"),
    post("CL: 0", "Content-Length: 0\r\n", "", seen: ""), post("CL: none", "", "", seen: ""),
    post("TE", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", seen: "abc"),
    post("TE: in capitals", "TRANSFER-ENCODING: CHUNKED\r\n", "3\r\nabc\r\n0\r\n\r\n", seen: "abc"),
    post("TE: a tab before", "Transfer-Encoding:\tchunked\r\n", "3\r\nabc\r\n0\r\n\r\n", seen: "abc"),
    post("TE: listed in Connection", "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", seen: "abc"),
    post("CL: listed in Connection", "Connection: content-length\r\nContent-Length: 3\r\n", "abc", seen: "abc"),
    post("Host: listed in Connection", "Connection: host\r\nContent-Length: 3\r\n", "abc", seen: "abc"),
    post("TE of CGI beside CL", "Transfer_Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n", seen: "0\r\n"),
    post("CL of CGI beside CL", "Content_Length: 1\r\nContent-Length: 3\r\n", "abc", seen: "abc"),
    post("CL of CGI beside TE", "Content.Length: 1\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", seen: "abc"),
    post("CL of CGI alone", "CONTENT_LENGTH: 3\r\n", "", seen: ""),
    post("chunks: zeros before", "Transfer-Encoding: chunked\r\n", "0000000000000003\r\nabc\r\n00\r\n\r\n", seen: "abc"),
    post("chunks: capitals", "Transfer-Encoding: chunked\r\n", "A\r\n0123456789\r\n0\r\n\r\n", seen: "0123456789"),
    post("chunks: an extension", "Transfer-Encoding: chunked\r\n", "3;x\r\nabc\r\n0;y=z\r\n\r\n", seen: "abc"),
    post("chunks: a quoted extension", "Transfer-Encoding: chunked\r\n", "3 ; x = \"\\\";\"\r\nabc\r\n0\r\n\r\n", seen: "abc"),
    post("chunks: that look like the end", "Transfer-Encoding: chunked\r\n", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", seen: "0\r\n\r\n"),
    post("chunks: trailers that frame", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\nContent-Length: 9\r\nHost: b\r\n\r\n", seen: "abc"),
  ]

  static let heads: [WireCase] = [
    WireCase("an empty line before", "\r\nGET /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\n", [200], seen: ["GET /s/ID "]),
    WireCase("an absolute form", "GET http://a/s/ID?x HTTP/1.1\r\nHost: a\r\nAUTH\r\n", [200], seen: ["GET /s/ID?x "]),
    WireCase("an absolute form of another case", "GET HTTP://A/s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\n", [200], seen: ["GET /s/ID "]),
    WireCase("two slashes", "GET //s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\n", [200], seen: ["GET //s/ID "]),
    WireCase("a byte of Latin-1 in a value", Array("GET /s/ID HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0xE9] + Array("\r\nAUTH\r\n".utf8), [200], seen: ["GET /s/ID "]),
    WireCase("an empty value", "GET /s/ID HTTP/1.1\r\nHost: a\r\nX:\r\nAUTH\r\n", [200], seen: ["GET /s/ID "]),
    WireCase("another upgrade", "GET /s/ID HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\nAUTH\r\n", [200], seen: ["GET /s/ID "]),
    WireCase(
      "an upgrade to HTTP/2, as some clients offer it with their first request",
      "GET /s/ID HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nAUTH\r\n",
      [200], seen: ["GET /s/ID "]),
    WireCase("content with GET", "GET /s/ID HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nAUTH\r\nabc", [200], seen: ["GET /s/ID abc"]),
  ]

  private static let next = "GET /s/ID/next HTTP/1.1\r\nHost: a\r\nAUTH\r\n"

  /// The next request of the connection is answered as if nothing had been.
  private static func goesOn(_ name: String, _ request: String, _ status: Int, seen: [String] = []) -> WireCase {
    WireCase(name, request + next, [status, 200], seen: seen + ["GET /s/ID/next "])
  }

  static let pipelines: [WireCase] = [
    goesOn("a request, then one", "GET /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\n", 200, seen: ["GET /s/ID "]),
    goesOn("content, then one", "POST /s/ID HTTP/1.1\r\nHost: a\r\nAUTHContent-Length: 3\r\n\r\nabc", 200, seen: ["POST /s/ID abc"]),
    goesOn("chunks, then one", "POST /s/ID HTTP/1.1\r\nHost: a\r\nAUTHTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, seen: ["POST /s/ID abc"]),
    goesOn("no token, then one", "GET /s/ID HTTP/1.1\r\nHost: a\r\n\r\n", 401),
    goesOn("no token and content, then one", "POST /s/ID HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 401),
    goesOn(
      "no token and a request for content",
      "POST /s/ID HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 401),
    goesOn("no token and chunks, then one", "POST /s/ID HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 401),
    goesOn("a path that is not canonical, then one", "GET /s/../s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\n", 400),
    goesOn("a fragment, then one", "GET /s/ID#x HTTP/1.1\r\nHost: a\r\nAUTH\r\n", 400),
    goesOn("two credentials, then one", "GET /s/ID HTTP/1.1\r\nHost: a\r\nAUTHAUTH\r\n", 400),
    goesOn("HEAD, then one", "HEAD /s/ID HTTP/1.1\r\nHost: a\r\n\r\n", 401),
    WireCase(
      "three, the second malformed",
      "GET /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\nGET /s/ID/in HTTP/1.1\r\nHost: a\r\nX : y\r\nAUTH\r\n" + next, [200, 400],
      "request_malformed", seen: ["GET /s/ID "]),
    WireCase(
      "nothing after Connection: close", "GET /s/ID HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAUTH\r\n" + next, [200],
      seen: ["GET /s/ID "]),
    WireCase(
      "nothing after HTTP/1.0", "GET /s/ID HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nAUTH\r\n" + next, [200],
      seen: ["GET /s/ID "]),
    WireCase(
      "nothing after a refusal that closes", "GET /s/ID HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + next, [401], "token_missing"),
    WireCase(
      "a length that swallows the next", "POST /s/ID HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nAUTH\r\nabcde" + next, [200, 200],
      seen: ["POST /s/ID abcde", "GET /s/ID/next "]),
  ]

  static let all = bodies + heads + pipelines
}
