import Testing

@testable import passkey_sidecar_demo

@Suite struct EmulatorControlTests {
  private func answer(_ fault: JSON, _ corbado: EmulatorUnderTest) throws -> DemoResponse {
    try #require(corbado.control("POST", "/faults", fault).status == 200)
    let body: JSON = ["type": "passkey-list", "data": ["identifier": "u-1"]]
    return corbado.backend("POST", "/v2/connectTokens", body)
  }

  private func steps(_ answer: DemoResponse) -> [Delivery.Step] {
    guard case .script(let steps) = answer.delivery else { return [] }
    return steps
  }

  /// The raw bytes that a script sends.
  private func wire(_ answer: DemoResponse) -> String {
    let bytes = steps(answer).flatMap { step -> [UInt8] in
      guard case .bytes(let bytes) = step else { return [] }
      return bytes
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  // MARK: Faults of the answer

  @Test(
    arguments: [
      (["effect": "status", "status": 503], 503, "internal_error"),
      (["effect": "status", "status": 429], 429, "rate_limited"),
      (["effect": "html", "status": 502], 502, "<h1>502</h1>"),
      (["effect": "truncated"], 200, #"{"verificationResult":"succ"#),
      (["effect": "verdict", "value": "unheard_of"], 200, #"{"verificationResult":"unheard_of"}"#),
      (["effect": "verdict", "value": 1], 200, #"{"verificationResult":1}"#),
      (["effect": "secretNumber"], 200, #""secret":42"#),
      (["effect": "secretControl"], 200, #""secret":"ctk1_\r\nx-injected"#),
      (["effect": "json", "body": [1]], 200, "[1]"),
    ] as [(JSON, Int, String)])
  func `an answer is replaced`(fault: JSON, status: Int, content: String) throws {
    let answer = try answer(fault, try EmulatorUnderTest())
    #expect(answer.status == status)
    #expect(answer.text.contains(content))
    #expect(answer.delivery == .atOnce)
  }

  @Test func `a 429 tells when to come back only if it was told to`() throws {
    let corbado = try EmulatorUnderTest()
    #expect(try answer(["effect": "status", "status": 429], corbado).field("retry-after") == nil)
    #expect(try answer(["effect": "status", "status": 429, "retryAfter": 7], corbado).field("retry-after") == "7")
  }

  @Test func `an empty, a huge, a redirecting and a secretless answer`() throws {
    let corbado = try EmulatorUnderTest()
    #expect(try answer(["effect": "empty"], corbado).body.isEmpty)
    #expect(try answer(["effect": "huge", "bytes": 100_000], corbado).body.count == 100_000)
    #expect(
      try answer(["effect": "redirect", "location": "http://127.0.0.1:1/"], corbado).field("location")
        == "http://127.0.0.1:1/")
    let secretless = try answer(["effect": "secretMissing"], corbado).json
    #expect(secretless["id"] != nil && secretless["secret"] == nil)
  }

  // MARK: Faults of the wire

  @Test(arguments: [("hang", Delivery.Step.hang), ("reset", .reset), ("close", .close)])
  func `nothing is sent`(effect: String, step: Delivery.Step) throws {
    #expect(steps(try answer(["effect": .string(effect)], try EmulatorUnderTest())) == [step])
  }

  @Test func `a delay comes before the head`() throws {
    let answer = try answer(["effect": "delay", "milliseconds": 250], try EmulatorUnderTest())
    #expect(steps(answer).first == .wait(milliseconds: 250))
    #expect(wire(answer).hasPrefix("HTTP/1.1 200 "))
    #expect(wire(answer).contains("content-length: \(answer.body.count)\r\n"))
    #expect(wire(answer).hasSuffix("\r\n\r\n" + answer.text))
  }

  @Test func `a delay in the body keeps its second half back`() throws {
    let answer = try answer(["effect": "delayInBody", "milliseconds": 250], try EmulatorUnderTest())
    #expect(steps(answer)[1] == .wait(milliseconds: 250))
    #expect(wire(answer).hasSuffix("\r\n\r\n" + answer.text))
  }

  @Test(arguments: [("resetInBody", Delivery.Step.reset), ("closeInBody", .close)])
  func `half of the announced body comes`(effect: String, last: Delivery.Step) throws {
    let answer = try answer(["effect": .string(effect)], try EmulatorUnderTest())
    let sent = wire(answer).split(separator: "\r\n\r\n", maxSplits: 1)
    #expect(wire(answer).contains("content-length: \(answer.body.count)\r\n"))
    #expect(sent[1].utf8.count == answer.body.count / 2)
    #expect(steps(answer).last == last)
  }

  @Test func `a drip is the whole answer in small pieces`() throws {
    let answer = try answer(["effect": "drip", "bytes": 3, "milliseconds": 5], try EmulatorUnderTest())
    #expect(wire(answer).hasSuffix("\r\n\r\n" + answer.text))
    #expect(
      steps(answer).allSatisfy {
        if case .bytes(let bytes) = $0 { bytes.count <= 3 } else { $0 == .wait(milliseconds: 5) }
      })
  }

  @Test func `chunks have the sizes that were asked for`() throws {
    let answer = try answer(["effect": "chunked", "sizes": [1, 20]], try EmulatorUnderTest())
    let body = try #require(wire(answer).split(separator: "\r\n\r\n", maxSplits: 1).last)
    #expect(wire(answer).contains("transfer-encoding: chunked\r\n"))
    #expect(body.hasPrefix("1\r\n{\r\n14\r\n"))
    #expect(body.hasSuffix("\r\n0\r\n\r\n"))
  }

  @Test func `HTTP 1.0 ends with the connection`() throws {
    let answer = try answer(["effect": "http10"], try EmulatorUnderTest())
    #expect(wire(answer).hasPrefix("HTTP/1.0 200 "))
    #expect(!wire(answer).contains("content-length"))
    #expect(steps(answer).last == .close)
  }

  // MARK: When they hit

  @Test func `a fault hits so many calls of its path`() throws {
    let corbado = try EmulatorUnderTest()
    #expect(corbado.control("POST", "/faults", ["effect": "empty", "times": 2, "path": "/v2/users"]).status == 200)
    #expect(!corbado.backend("GET", "/v2/identifiers").body.isEmpty)
    #expect((0..<3).map { _ in corbado.backend("GET", "/v2/users").body.isEmpty } == [true, true, false])
  }

  @Test func `a fault without end stays until it is deleted`() throws {
    let corbado = try EmulatorUnderTest()
    _ = corbado.control("POST", "/faults", ["effect": "empty", "times": 0])
    #expect((0..<5).allSatisfy { _ in corbado.backend("GET", "/v2/users").body.isEmpty })
    _ = corbado.control("DELETE", "/faults")
    #expect(!corbado.backend("GET", "/v2/users").body.isEmpty)
  }

  @Test func `a lost answer has used the token up, a replaced one has not`() throws {
    let corbado = try EmulatorUnderTest()
    let (lost, replaced) = (try corbado.minted("u-1"), try corbado.minted("u-1"))
    _ = corbado.control("POST", "/faults", ["effect": "reset"])
    _ = corbado.verify(lost, username: "u-1")
    #expect(corbado.verify(lost, username: "u-1") == "invalid_challenge")
    _ = corbado.control("POST", "/faults", ["effect": "status", "status": 503])
    _ = corbado.verify(replaced, username: "u-1")
    #expect(corbado.verify(replaced, username: "u-1") == "success")
  }

  @Test(
    arguments: [
      ["effect": "explode"], [:], ["effect": "delay", "milliseconds": -1], ["effect": "status", "status": 42],
    ] as [JSON])
  func `a fault that does not exist is refused`(fault: JSON) throws {
    #expect(try EmulatorUnderTest().control("POST", "/faults", fault).status == 400)
  }

  // MARK: The rest of the surface

  @Test func `calls are recorded with fields, body and status`() throws {
    let corbado = try EmulatorUnderTest()
    _ = corbado.backend("POST", "/v2/connectTokens", ["type": "x"])
    _ = corbado.backend("GET", "/v2/users")
    let calls = corbado.control("GET", "/calls?path=/v2/connectTokens").json
    #expect(calls["count"] == 1)
    let call = try #require(calls["calls"]?.elements?.first)
    #expect(call["method"] == "POST")
    #expect(call["fields"] == [["Authorization", .string(EmulatorUnderTest.basic)]])
    #expect(call["body"] == #"{"type":"x"}"#)
    #expect(call["status"] == 400)
    _ = corbado.control("DELETE", "/calls")
    #expect(corbado.control("GET", "/calls").json["count"] == 0)
  }

  @Test func `settings are shown as they were put`() throws {
    let corbado = try EmulatorUnderTest()
    let settings: JSON = [
      "mode": "seed", "clockOffset": -5, "connectTokenLifetime": 7, "rateLimit": 9, "mismatchConsumes": true,
      "replayVerdict": "generic_error", "expiryVerdict": "user_mismatch", "usernameClaim": "ada", "session": "s",
      "publishesKeys": false, "showsOtherCertificate": false,
    ]
    #expect(corbado.control("PUT", "/settings", settings).json == settings)
    #expect(corbado.control("GET", "/settings").json == settings)
    // There is none to show.
    #expect(corbado.control("PUT", "/settings", ["showsOtherCertificate": true]).status == 400)
  }

  @Test(
    arguments: [
      ["mode": "lenient"], ["unknown": 1], ["rateLimit": "9"], ["clockOffset": 9_223_372_036_854_775_807],
      ["connectTokenLifetime": 0],
    ] as [JSON])
  func `a setting that does not exist or does not fit is refused`(settings: JSON) throws {
    #expect(try EmulatorUnderTest().control("PUT", "/settings", settings).status == 400)
  }

  @Test func `unpublished keys leave the key set empty`() throws {
    let corbado = try EmulatorUnderTest()
    corbado.set(["publishesKeys": false])
    #expect(corbado.emulator.handle(DemoRequest("GET", "/.well-known/jwks")).json == ["keys": []])
  }

  @Test func `a reset forgets users and settings and keeps the keys`() throws {
    let corbado = try EmulatorUnderTest()
    let data = try corbado.minted("u-1")
    corbado.set(["mode": "seed"])
    _ = corbado.control("POST", "/reset")
    #expect(corbado.control("GET", "/settings").json["mode"] == "strict")
    #expect(corbado.verify(data, username: "u-1") == "invalid_challenge")
  }
}
