import Foundation
import TestPeers
import Testing

/// An app that answers wrongly over HTTP/1.1: what is no message never looks like one, and what one answer holds never
/// gets into the next.
@Suite struct EvilHTTP1Tests {
  struct Case: Sendable, CustomTestStringConvertible {
    enum Expected: Sendable {
      /// 502 `upstream_protocol_error`.
      case refused
      /// A head, and then something that no client takes for the end.
      case cut
      /// One of the two, as the bytes happen to arrive.
      case notWhole
      case whole(String)
    }

    let testDescription: String
    let answer: String
    let method: String
    let expected: Expected

    init(_ name: String, _ answer: String, _ expected: Expected, method: String = "GET") {
      (testDescription, self.answer, self.expected, self.method) = (name, answer, expected, method)
    }
  }

  private static let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
  private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

  static let heads: [Case] = [
    Case("both framings", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .refused),
    Case("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", .refused),
    Case("twice the same length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", .refused),
    Case("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab", .refused),
    Case("a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab", .refused),
    Case("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", .refused),
    Case("a coding that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", .refused),
    Case("a coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .refused),
    Case("a bare LF", "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("a bare CR", "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("a NUL", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("folding", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", .refused),
    Case("a space in a name", "HTTP/1.1 200 OK\r\nX Y: 0\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("lines of LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", .refused),
    Case("HTTP/0.9", "<html>hello</html>\r\n\r\n", .refused), Case("HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("another protocol", "ICY 200 OK\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("status 099", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("status 600", "HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("status 20", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("status 2000", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("a large field", "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))\r\nContent-Length: 0\r\n\r\n", .refused),
    Case("many fields", "HTTP/1.1 200 OK\r\n\(String(repeating: "X: y\r\n", count: 300))Content-Length: 0\r\n\r\n", .refused),
    Case("a head without end", "HTTP/1.1 200 OK\r\n\(String(repeating: "X: \(String(repeating: "y", count: 200))\r\n", count: 400))", .refused),
    Case("101 unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", .refused),
    Case("a flood of 100", String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1000), .refused),
    Case("a flood of 103", String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", count: 1000), .refused),
    Case("103 with content", "HTTP/1.1 103 Early Hints\r\nContent-Length: 6\r\n\r\npoison" + poison, .refused),
    Case("204 with content", "HTTP/1.1 204 None\r\nContent-Length: 6\r\n\r\npoison", .refused),
    Case("204 in chunks", "HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n", .refused),
  ]

  static let bodies: [Case] = [
    Case("a length beyond the content", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", .cut),
    Case("chunks without end", chunked + "5\r\nshort\r\n", .cut), Case("a chunk cut", chunked + "9\r\nshort", .cut),
    Case("chunks without the last line", chunked + "5\r\nshort\r\n0\r\n", .cut),
    Case("a chunk size that is none", chunked + "5\r\nshort\r\nzz\r\n", .cut),
    Case("a chunk size of LF", chunked + "5\nshort\r\n0\r\n\r\n", .notWhole),
    Case("a chunk of another size", chunked + "4\r\nshort\r\n0\r\n\r\n", .cut),
    Case("a chunk size beyond 64 bits", chunked + "10000000000000005\r\nshort\r\n0\r\n\r\n", .notWhole),
    Case("a trailer that is none", chunked + "5\r\nshort\r\n0\r\nX Y\r\n\r\n", .cut),
    Case("a trailer with a bare LF", chunked + "5\r\nshort\r\n0\r\nX: y\nZ: z\r\n\r\n", .cut),
    Case("trailers beyond the limit", chunked + "5\r\nshort\r\n0\r\n\(String(repeating: "X: y\r\n", count: 300))\r\n", .cut),
  ]

  static let whole: [Case] = [
    Case("an answer behind the answer", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + poison, .whole("good")),
    Case("an answer behind the chunks", chunked + "4\r\ngood\r\n0\r\n\r\n" + poison, .whole("good")),
    Case("an answer behind 204", "HTTP/1.1 204 None\r\n\r\n" + poison, .whole("")),
    Case("an answer behind 304", "HTTP/1.1 304 Same\r\nContent-Length: 6\r\n\r\npoison" + poison, .whole("")),
    Case("content for HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", .whole(""), method: "HEAD"),
    Case("chunks for HEAD", chunked + "6\r\npoison\r\n0\r\n\r\n", .whole(""), method: "HEAD"),
    Case("noise behind the answer", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood\r\n\r\n", .whole("good")),
    Case("content until the end", "HTTP/1.1 200 OK\r\n\r\ngood", .whole("good")),
    Case("a length that Connection lists", "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 4\r\n\r\ngood", .whole("good")),
    Case("a coding that Connection lists", "HTTP/1.1 200 OK\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n", .whole("good")),
    Case("a length of zeros", "HTTP/1.1 200 OK\r\nContent-Length: 000000000000000000000000004\r\n\r\ngood", .whole("good")),
    Case("trailers that frame", chunked + "4\r\ngood\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nHost: b\r\n\r\n", .whole("good")),
    Case("100 and then the answer", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", .whole("good")),
  ]

  @Test(arguments: heads + bodies + whole, DownstreamOutcome.Version.allCases)
  func `whatever an app answers, a client never takes what is no message for one, nor what is another's for its own`(
    _ test: Case, version: DownstreamOutcome.Version
  ) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let id = UUID().uuidString
    app.on("/evil/\(id)") { _, connection in
      try connection.send(test.answer)
      // What was sent unasked must not wait for the next request, so that connection stays open; what is cut is so by its end.
      if case .whole = test.expected, !test.answer.hasPrefix("HTTP/1.1 200 OK\r\n\r\n") { return true }
      connection.finishSending()
      return false
    }
    let outcome = try DownstreamOutcome.get("/evil/\(id)", of: sidecar, by: version, method: test.method)
    let refusal = DownstreamOutcome.whole(status: version == .http1 ? 502 : nil, content: #"{"error":"upstream_protocol_error"}"#)
    switch test.expected {
    case .refused: #expect(outcome == refusal)
    case .cut: #expect(outcome == .cut)
    case .notWhole: #expect(outcome == .cut || outcome == refusal)
    case .whole(let content):
      guard case .whole(_, content) = outcome else {
        Issue.record("\(outcome)")
        break
      }
    }
    app.on("/next/\(id)") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(id.utf8.count)\r\n\r\n\(id)")
      return true
    }
    for _ in 0..<2 {
      let next = try DownstreamOutcome.get("/next/\(id)", of: sidecar, by: version)
      #expect(next == .whole(status: version == .http1 ? 200 : nil, content: id))
    }
  }

  @Test func `an answer that was broken off leaves the other streams of its connection whole`() throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "/broken-off/\(UUID().uuidString)"
    app.on(path) { _, connection in
      let isFirst = app.received(path).count == 1
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(isFirst ? 9 : 4)\r\n\r\ngood")
      return !isFirst
    }
    let client = try RawHTTP2(port: sidecar.port, path: path)
    let token = String(try sidecar.authorization.dropFirst("Authorization: ".count).dropLast(1))
    client.send(client.headers(1, "GET", [("authorization", token)]))
    #expect(throws: RawConnection.Failure.reset) { try client.content(1) }
    client.send(client.headers(3, "GET", [("authorization", token)]))
    #expect(try client.content(3) == "good")
  }

  @Test(arguments: DownstreamOutcome.Version.allCases, ["HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n"])
  func `a status without content has no length`(version: DownstreamOutcome.Version, answer: String) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    app.on("/no-content") { _, connection in
      try connection.send("HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\nLink: </a>\r\n\r\n" + answer)
      return true
    }
    if version == .http1 {
      let connection = try sidecar.connection()
      try connection.send("GET /no-content HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
      for status in [103, 204] {
        let head = try connection.readHead()
        #expect(head.status == status)
        #expect(head.values("content-length").isEmpty && head.values("transfer-encoding").isEmpty)
      }
    } else {
      #expect(try DownstreamOutcome.get("/no-content", of: sidecar, by: version) == .whole(status: nil, content: ""))
    }
  }
}
