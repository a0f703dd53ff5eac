import Testing
import Transport

@testable import passkey_sidecar_demo

/// The demo's server and client over real sockets of this machine.
@Suite struct DemoWireTests {
  private func ask(_ method: String = "POST", json: JSON? = ["a": 1], _ handler: @escaping WireServer.Handler) throws
    -> DemoResponse
  {
    let server = try WireServer(port: 0, handler)
    return try PlainClient().send(
      method, "http://127.0.0.1:\(server.port)/x?y=1", fields: [.init(name: "X-A", value: "b")], json: json)
  }

  @Test func `a request arrives as it was sent, an answer as it was given`() throws {
    let answer = try ask { request in
      let body = String(decoding: request.body, as: UTF8.self)
      var answer = DemoResponse(
        status: 201,
        text: "\(request.method) \(request.path) \(request.query ?? "") \(request.field("x-a") ?? "") \(body)")
      answer.set("x-c", "d")
      return answer
    }
    #expect(answer.status == 201)
    #expect(answer.text == #"POST /x y=1 b {"a":1}"#)
    #expect(answer.field("X-C") == "d")
  }

  @Test func `a 204 and an answer to HEAD have no body`() throws {
    #expect(try ask { _ in DemoResponse(status: 204) }.field("content-length") == nil)
    let server = try WireServer(port: 0) { _ in DemoResponse(text: "four") }
    // The client takes the announced length at its word: what follows a HEAD is less than announced.
    #expect(throws: PlainClient.Failure.self) { try PlainClient().send("HEAD", "http://127.0.0.1:\(server.port)/") }
  }

  @Test(arguments: ["delay", "delayInBody", "drip", "http10", "chunked"])
  func `an odd way leads to the same answer`(effect: String) throws {
    let fault = try #require(ScriptedFault(["effect": .string(effect), "milliseconds": 1]))
    let answer = try ask { _ in fault.apply(to: DemoResponse(json: ["verificationResult": "success"])) }
    #expect(answer.json == ["verificationResult": "success"])
  }

  @Test(arguments: ["reset", "resetInBody", "close", "closeInBody"])
  func `a cut answer never looks whole`(effect: String) throws {
    let fault = try #require(ScriptedFault(["effect": .string(effect)]))
    #expect(throws: PlainClient.Failure.self) {
      try ask { _ in fault.apply(to: DemoResponse(json: ["verificationResult": "success"])) }
    }
  }

  @Test func `a client gives up on a hanging server`() throws {
    let server = try WireServer(port: 0) { _ in
      var answer = DemoResponse(status: 200)
      answer.delivery = .script([.hang])
      return answer
    }
    var client = PlainClient()
    client.limit = .milliseconds(20)
    #expect(throws: PlainClient.Failure.self) { try client.send("GET", "http://127.0.0.1:\(server.port)/") }
  }

  @Test(arguments: [
    "GET  / HTTP/1.1\r\n\r\n", "GET http://x/ HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon\r\n\r\n",
  ])
  func `what is no request gets 400`(text: String) throws {
    let server = try WireServer(port: 0) { _ in DemoResponse(status: 200) }
    let deadline = Clock.monotonic() + .seconds(10)
    var stream = try WaitingStream.connect(to: SocketAddress(ipv4: 0x7F00_0001, port: server.port), until: deadline)
    try stream.send(Array(text.utf8), until: deadline)
    var answer = try stream.receive(until: deadline)
    while let more = try? stream.receive(until: deadline), !more.isEmpty { answer += more }
    #expect(PlainClient.answer(answer)?.status == 400)
  }

  @Test func `two requests come over one connection, the first in chunks`() throws {
    let server = try WireServer(port: 0) { DemoResponse(text: String(decoding: $0.body, as: UTF8.self)) }
    let deadline = Clock.monotonic() + .seconds(10)
    var stream = try WaitingStream.connect(to: SocketAddress(ipv4: 0x7F00_0001, port: server.port), until: deadline)
    let requests =
      "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\n"
      + "POST / HTTP/1.1\r\ncontent-length: 2\r\nconnection: close\r\n\r\nfg"
    try stream.send(Array(requests.utf8), until: deadline)
    var received: [UInt8] = []
    while true {
      let bytes = try stream.receive(until: deadline)
      if bytes.isEmpty { break }
      received += bytes
    }
    let text = String(decoding: received, as: UTF8.self)
    #expect(text.contains("\r\n\r\nabcde") && text.hasSuffix("\r\n\r\nfg"))
  }

  @Test func `the app is served as it answers`() throws {
    let server = try AppServer(port: 0, DemoApp(surroundings: .init(login: "http://l", emulator: "http://e")))
    let answer = try PlainClient().send(
      "GET", "http://127.0.0.1:\(server.port)/api/whoami?x=1", fields: [.init(name: "X-User-ID", value: "u-1001")])
    #expect(answer.status == 200)
    #expect(answer.json["userID"] == "u-1001")
    #expect(answer.json["protocol"] == "HTTP/1.1")
  }
}
