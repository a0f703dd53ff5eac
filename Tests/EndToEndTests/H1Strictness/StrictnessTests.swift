import Foundation
import TestPeers
import Testing

/// RFC 9112 to the letter: what has two readings is refused whole, what has one reaches the app as that one.
@Suite struct StrictnessTests {
  let victim: WSGIVictim

  init() throws { victim = try WSGIVictim.shared.get() }

  /// Statuses and contents of all answers on one connection, until it ends or as many as expected have come.
  private func answers(_ connection: RawConnection, _ test: WireCase) throws -> [H1Message] {
    var answers: [H1Message] = []
    let isHead = test.bytes.starts(with: "HEAD".utf8)
    while answers.count < test.statuses.count {
      answers.append(try connection.readResponse(toHead: isHead && answers.isEmpty))
    }
    return answers
  }

  private func seen(_ id: String) -> [String] { victim.records("/\(id)").map { "\($0.method) \($0.target) \($0.body)" } }

  @Test(arguments: SmugglingCases.all)
  func `what two parsers read differently is refused, ends the connection, and the app sees nothing of it`(_ test: WireCase) throws {
    let id = "\(UUID().uuidString)."
    let connection = try victim.sidecar.connection()
    try connection.send(test.bytes(id: id, authorization: try victim.sidecar.authorization))
    let answers = try answers(connection, test)
    #expect(answers.map(\.status) == test.statuses)
    #expect(answers.last?.text == test.reason.map { #"{"error":"\#($0)"}"# })
    #expect(answers.last?.values("connection") == ["close"])
    let (rest, end) = connection.readToEnd()
    #expect(rest.isEmpty && end == .closed)
    // Whatever had reached the app by now would stand before this one.
    #expect(try victim.sidecar.ask("GET", "/after/\(id)").status == 200)
    #expect(seen(id) == test.seen.map { $0.replacing("ID", with: id) } + ["GET /after/\(id) "])
  }

  @Test func `whoever ends his half behind a malformed request reads why it was refused`() throws {
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\n\(try victim.sidecar.authorization)Transfer-Encoding: chunked\r\n\r\nx\r\n"
    for request in ["BAD\r\n\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", chunked] {
      let connection = try victim.sidecar.connection()
      try connection.send(request)
      connection.finishSending()
      let answer = try connection.readResponse()
      #expect(answer.status == 400 && answer.text == #"{"error":"request_malformed"}"#, "\(request)")
      let (rest, end) = connection.readToEnd()
      #expect(rest.isEmpty && end == .closed, "\(request)")
    }
  }

  @Test(arguments: AcceptedCases.all)
  func `what has one reading reaches the app as that one`(_ test: WireCase) throws {
    let id = "\(UUID().uuidString)."
    let connection = try victim.sidecar.connection()
    try connection.send(test.bytes(id: id, authorization: try victim.sidecar.authorization))
    let answers = try answers(connection, test)
    #expect(answers.map(\.status) == test.statuses)
    // Nobody has another answer to give.
    connection.finishSending()
    let (rest, _) = connection.readToEnd()
    #expect(rest.isEmpty, "\(String(decoding: rest, as: UTF8.self))")
    #expect(seen(id) == test.seen.map { $0.replacing("ID", with: id) })
    for record in victim.records("/\(id)") {
      #expect(Set(record.framing.keys).isSubset(of: ["CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"]))
      #expect(record.framing.count <= 1, "\(record.framing)")
      #expect(record.user == "alice")
    }
  }
}
