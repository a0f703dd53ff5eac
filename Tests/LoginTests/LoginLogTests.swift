import Foundation
import HTTPClient
import Testing

@testable import Login

/// What the event log says, and what it must not.
@Suite struct LoginLogTests {
  @Test func `each call to Corbado has one line`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    _ = await fixture.completeLogin(try fixture.signedData())
    fixture.corbado.script(.answer(status: 500, content: CorbadoFake.envelope(500, "internal_error")))
    _ = await fixture.completeLogin(try fixture.signedData())
    fixture.corbado.script(.failure(OutboundFailure(.timedOut, requestMayHaveLeft: true, detail: "no answer in 5 s")))
    _ = await fixture.completeLogin(try fixture.signedData())
    let lines = try fixture.closedLog().filter { $0.contains(#""event":"corbado_call""#) }
    #expect(lines.count == 4)
    #expect(lines[0].contains(#""call":"create_connect_token","outcome":"ok","status":200"#))
    #expect(lines[1].contains(#""call":"verify_signed_data","outcome":"ok","status":200,"verdict":"success""#))
    #expect(lines[2].contains(#""outcome":"corbado_refused","status":500"#))
    #expect(lines[2].contains(#""request_id":"req-8642""#))
    #expect(lines[3].contains(#""outcome":"corbado_unreachable","failure":"timed_out""#))
  }

  @Test func `secrets, tokens, claims and Corbado's words are in no line and no answer`() async throws {
    let fixture = try LoginFixture()
    var texts: [String] = []
    texts.append(await fixture.connectToken(for: try .conventional()).text)
    let data = try fixture.signedData()
    let answer = await fixture.completeLogin(data)
    let token = try #require(answer.json["accessToken"] as? String)
    _ = await fixture.connectToken(for: try .conventional(subject: "mallory"))
    let words = "Unverschämtheit"
    for content in [CorbadoFake.envelope(400, words, secretText: words), #"{"verificationResult":"\#(words)"}"#] {
      for status in [200, 400, 401, 500] {
        fixture.corbado.script(.answer(status: status, content: content))
        texts.append(await fixture.completeLogin(try fixture.signedData()).text)
        texts.append(await fixture.connectToken(for: try .conventional()).text)
      }
    }
    let log = try fixture.closedLog()
    #expect(log.count > 10)
    let basic = Data("\(CorbadoFake.projectID):\(CorbadoFake.apiSecret)".utf8).base64EncodedString()
    for secret in [CorbadoFake.apiSecret, basic, data, token, "alice@example.com", "mallory", words, CorbadoFake.connectToken] {
      #expect(!log.contains { $0.contains(secret) }, "\(secret)")
    }
    for text in texts { for secret in [CorbadoFake.apiSecret, basic, words] { #expect(!text.contains(secret)) } }
  }

  @Test(arguments: ["", "req 1", "req-\\u0000", "réq", String(repeating: "r", count: 65)])
  func `a request ID that is none is not logged`(id: String) async throws {
    let fixture = try LoginFixture()
    fixture.corbado.script(.answer(status: 500, content: #"{"requestData":{"requestID":"\#(id)"}}"#))
    _ = await fixture.connectToken(for: try .conventional())
    let line = try fixture.closedLog().first { $0.contains("corbado_call") }
    #expect(line?.contains(id.isEmpty ? #""request_id":"""# : id) == false)
  }
}
