/// What has been used to make two parsers see two requests. Each is refused once, the connection ends, and the app never
/// hears of it.
enum SmugglingCases {
  static let framing: [WireCase] = [
    .refused("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"),
    .refused("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\nGET /s/ID/in HTTP/1.1\r\n\r\n0\r\n\r\n"),
    .refused("both, and the length is right", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("both, length 0", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a coding before chunked", "Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a coding after chunked", "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    .refused("TE: identity alone", "Transfer-Encoding: identity\r\n", "0\r\n\r\n"),
    .refused("TE: xchunked", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    .refused("TE: chunkedx", "Transfer-Encoding: chunkedx\r\n", "0\r\n\r\n"),
    .refused("TE: quoted", "Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"),
    .refused("TE: with a parameter", "Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"),
    .refused("TE: a comma behind", "Transfer-Encoding: chunked,\r\n", "0\r\n\r\n"),
    .refused("TE: a comma before", "Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"),
    .refused("TE: empty", "Transfer-Encoding:\r\n", "0\r\n\r\n"),
    .refused("TE: twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a second one", "Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n", "0\r\n\r\n"),
    .refused("TE: a first one", "Transfer-Encoding: x\r\nTransfer-encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a vertical tab before", "Transfer-Encoding: \u{B}chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a form feed behind", "Transfer-Encoding: chunked\u{C}\r\n", "0\r\n\r\n"),
    .refused("TE: a NUL behind", "Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n"),
    .refused("TE: a space before the colon", "Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a tab before the colon", "Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: behind a bare LF", "X: x\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: behind a bare CR", "X: x\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: folded", "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a folded line before", "X: y\r\n\tz\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: the name on two lines", "Transfer-Encoding\r\n: chunked\r\n", "0\r\n\r\n"),
    .refused("TE: a space before the name", " Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    WireCase(
      "TE in HTTP/1.0", "POST /s/ID HTTP/1.0\r\nHost: a\r\nAUTHTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400],
      "request_malformed"),
  ]

  static let length: [WireCase] =
    [
      ("a sign", "+3"), ("minus", "-3"), ("hexadecimal", "0x3"), ("an exponent", "3e0"), ("a fraction", "3.0"),
      ("a list", "3, 3"), ("a list without space", "3,3"), ("a comma", "3,"), ("two numbers", "3 3"), ("empty", ""),
      ("a semicolon", "3;"), ("quoted", "\"3\""), ("a letter", "a"), ("digits of another script", "\u{FF13}"),
      ("twenty digits", "99999999999999999999"), ("beyond 64 bits", "18446744073709551616"), ("an underscore", "1_0"),
      ("a NUL", "3\0"), ("a vertical tab", "\u{B}3"),
    ].map { .refused("CL: \($0.0)", "Content-Length: \($0.1)\r\n", "abc") } + [
      .refused("CL: twice the same", "Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
      .refused("CL: two", "Content-Length: 3\r\nContent-length: 0\r\n", "abc"),
      .refused("CL: a space before the colon", "Content-Length : 3\r\n", "abc"),
      .refused("CL: folded", "Content-Length:\r\n 3\r\n", "abc"),
    ]

  private static func chunks(_ name: String, _ content: String) -> WireCase {
    .refused("chunks: \(name)", "Transfer-Encoding: chunked\r\n", content)
  }

  static let chunks: [WireCase] = [
    chunks("no size", "\r\nabc\r\n0\r\n\r\n"), chunks("no digits", "g\r\nabc\r\n0\r\n\r\n"),
    chunks("a sign", "+3\r\nabc\r\n0\r\n\r\n"), chunks("minus", "-1\r\nabc\r\n0\r\n\r\n"),
    chunks("0x", "0x3\r\nabc\r\n0\r\n\r\n"), chunks("an underscore", "0_3\r\nabc\r\n0\r\n\r\n"),
    chunks("a space before", " 3\r\nabc\r\n0\r\n\r\n"), chunks("a tab before", "\t3\r\nabc\r\n0\r\n\r\n"),
    chunks("seventeen digits", "00000000000000003\r\nabc\r\n0\r\n\r\n"),
    chunks("beyond 64 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    chunks("a line that ends with LF", "3\nabc\r\n0\r\n\r\n"), chunks("a line that ends with CR", "3\rabc\r\n0\r\n\r\n"),
    chunks("content that ends with LF", "3\r\nabc\n0\r\n\r\n"), chunks("content that does not end", "3\r\nabcd\r\n0\r\n\r\n"),
    chunks("content that is short", "3\r\nab\r\n0\r\n\r\n"), chunks("two spaces and a word", "3  x\r\nabc\r\n0\r\n\r\n"),
    chunks("an extension with LF", "3;x\nabc\r\n0\r\n\r\n"), chunks("an extension with LF in quotes", "3;x=\"\n\"\r\nabc\r\n0\r\n\r\n"),
    chunks("an extension with CR", "3;x\rabc\r\n0\r\n\r\n"), chunks("an extension with NUL", "3;x\0\r\nabc\r\n0\r\n\r\n"),
    chunks("an extension without name", "3;=x\r\nabc\r\n0\r\n\r\n"), chunks("an extension without end", "3;x=\"y\r\nabc\r\n0\r\n\r\n"),
    chunks("a long extension", "3;\(String(repeating: "x", count: 300))\r\nabc\r\n0\r\n\r\n"),
    chunks("a semicolon and nothing", "3;\r\nabc\r\n0\r\n\r\n"),
    chunks("the last one with LF", "3\r\nabc\r\n0\n\r\n"), chunks("the end with LF", "3\r\nabc\r\n0\r\n\n"),
    chunks("a trailer with a space before the colon", "3\r\nabc\r\n0\r\nX : y\r\n\r\n"),
    chunks("a folded trailer", "3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n"), chunks("a trailer without colon", "3\r\nabc\r\n0\r\nX\r\n\r\n"),
    chunks("a trailer with a bare CR", "3\r\nabc\r\n0\r\nX: \ry\r\n\r\n"),
    chunks("a request for a trailer", "3\r\nabc\r\n0\r\nGET /s/ID/in HTTP/1.1\r\nHost: a\r\n\r\n"),
  ]

  private static func field(_ name: String, _ line: [UInt8]) -> WireCase {
    WireCase("field: \(name)", Array("GET /s/ID HTTP/1.1\r\nHost: a\r\nAUTH".utf8) + line + Array("\r\n\r\n".utf8), [400], "request_malformed")
  }

  static let fields: [WireCase] =
    ([0x00, 0x01, 0x07, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F, 0x7F] as [UInt8]).flatMap { byte in
      [
        field("\(byte) in a value", Array("X: a".utf8) + [byte, 0x62]),
        field("\(byte) in a name", Array("X".utf8) + [byte] + Array(": a".utf8)),
      ]
    } + [
      field("no colon", Array("Xa".utf8)), field("no name", Array(": a".utf8)), field("a space in the name", Array("X Y: a".utf8)),
      field("a parenthesis in the name", Array("X(: a".utf8)), field("a letter of another script in the name", Array("Xé: a".utf8)),
      field("a byte of Latin-1 in the name", [0x58, 0xE9, 0x3A, 0x61]), field("a comma in the name", Array("X,Y: a".utf8)),
      field("folding with a space", Array("X: a\r\n b".utf8)), field("folding with a tab", Array("X: a\r\n\tb".utf8)),
      field("a line of a space", Array("X: a\r\n ".utf8)), field("bare LF", Array("X: a\nY: b".utf8)),
      field("bare CR", Array("X: a\rY: b".utf8)),
      field("CR CR LF", Array("X: a\r".utf8)), field("LF CR", Array("X: a\n\rY: b".utf8)),
      WireCase("field: the first one folded", "GET /s/ID HTTP/1.1\r\n Host: a\r\nAUTH\r\n", [400], "request_malformed"),
      WireCase("LF everywhere", "GET /s/ID HTTP/1.1\nHost: a\n\n", [400], "request_malformed"),
      WireCase("LF at the end", "GET /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\n", [400], "request_malformed"),
      WireCase("CR everywhere", "GET /s/ID HTTP/1.1\rHost: a\r\r\n\r\n", [400], "request_malformed"),
    ]

  static let lines: [WireCase] = [
    WireCase("line: HTTP/0.9", "GET /s/ID\r\n\r\n", [400], "request_malformed"),
    .line("line: HTTP/2.0", "GET /s/ID HTTP/2.0"), .line("line: HTTP/1.2", "GET /s/ID HTTP/1.2"),
    .line("line: HTTP/1.10", "GET /s/ID HTTP/1.10"), .line("line: HTTP/1.", "GET /s/ID HTTP/1."),
    .line("line: HTTP/01.1", "GET /s/ID HTTP/01.1"), .line("line: http/1.1", "GET /s/ID http/1.1"),
    .line("line: another protocol", "GET /s/ID ICY/1.1"), .line("line: no version", "GET /s/ID "),
    .line("line: two spaces before the target", "GET  /s/ID HTTP/1.1"), .line("line: two before the version", "GET /s/ID  HTTP/1.1"),
    .line("line: a tab before the target", "GET\t/s/ID HTTP/1.1"), .line("line: a tab before the version", "GET /s/ID\tHTTP/1.1"),
    .line("line: a space at the end", "GET /s/ID HTTP/1.1 "), .line("line: a space at the beginning", " GET /s/ID HTTP/1.1"),
    .line("line: a space in the target", "GET /s/ID x HTTP/1.1"), .line("line: a NUL in the target", "GET /s/ID\0x HTTP/1.1"),
    .line("line: DEL in the target", "GET /s/ID\u{7F} HTTP/1.1"),
    .line("line: a CR in the target", "GET /s/ID\rx HTTP/1.1"), .line("line: no method", "/s/ID HTTP/1.1"),
    .line("line: a colon in the method", "GE:T /s/ID HTTP/1.1"), .line("line: a NUL in the method", "GE\0T /s/ID HTTP/1.1"),
    .line("line: a target without /", "GET s/ID HTTP/1.1"), .line("line: * with GET", "GET * HTTP/1.1"),
    .line("line: an authority with GET", "GET a:80 HTTP/1.1"), .line("line: another scheme", "GET ftp://a/s/ID HTTP/1.1"),
    .line("line: a scheme without authority", "GET http:///s/ID HTTP/1.1", 400, "authority_invalid"),
    .line("line: another host in the target", "GET http://b/s/ID HTTP/1.1"),
    .line("line: a user in the target", "GET http://a@a/s/ID HTTP/1.1", 400, "authority_invalid"),
    .line("line: CONNECT", "CONNECT a:80 HTTP/1.1", 405, "method_not_allowed"),
    .line("line: TRACE", "TRACE /s/ID HTTP/1.1", 405, "method_not_allowed"),
    .line("line: PRI", "PRI * HTTP/2.0"), .line("line: PRI of HTTP/1.1", "PRI * HTTP/1.1"),
  ]

  private static func host(_ name: String, _ lines: String) -> WireCase {
    WireCase("host: \(name)", "GET /s/ID HTTP/1.1\r\n\(lines)AUTH\r\n", [400], "authority_invalid")
  }

  static let hosts: [WireCase] = [
    host("none", ""), host("twice the same", "Host: a\r\nHost: a\r\n"), host("two", "Host: a\r\nhost: b\r\n"),
    host("empty", "Host:\r\n"), host("a list", "Host: a, b\r\n"), host("a space", "Host: a b\r\n"), host("a path", "Host: a/b\r\n"),
    host("a user", "Host: u@a\r\n"), host("a port beyond", "Host: a:65536\r\n"), host("a port of letters", "Host: a:b\r\n"),
    host("an empty port", "Host: a:\r\n"), host("an open bracket", "Host: [::1\r\n"), host("a query", "Host: a?b\r\n"),
    host("a percent", "Host: a%00\r\n"), host("a backslash", "Host: a\\b\r\n"), host("a scheme", "Host: http://a\r\n"),
    host("a letter of another script", "Host: é\r\n"), host("a quote", "Host: \"a\"\r\n"),
    WireCase("host: two in HTTP/1.0", "GET /s/ID HTTP/1.0\r\nHost: a\r\nHost: b\r\nAUTH\r\n", [400], "authority_invalid"),
  ]

  static let upgrades: [WireCase] = [
    .refused("upgrade: a WebSocket by POST", "Connection: upgrade\r\nUpgrade: websocket\r\n", "", "upgrade_malformed"),
    WireCase(
      "upgrade: the preface of HTTP/2 in mid-connection",
      "GET /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", [200, 400], "request_malformed",
      seen: ["GET /s/ID "]),
  ]

  static let all = framing + length + chunks + fields + lines + hosts + upgrades
}
