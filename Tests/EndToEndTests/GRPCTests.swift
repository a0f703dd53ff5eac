import Foundation
import TestPeers
import Testing

/// gRPC with its own client and server: the four kinds of call, and how it is told no.
@Suite struct GRPCTests {
  struct Served: Sendable {
    let app: ChildProcess
    let sidecar: SidecarUnderTest

    static let shared = Result {
      let port = try LoopbackServer.freePort()
      let app = try ChildProcess("/usr/bin/python3", [Python.peers + "/grpc_app.py", "\(port)"])
      _ = eventually { try? RawConnection(port: port) }
      return Served(
        app: app,
        sidecar: try SidecarUnderTest(
          app: port, upstream: "protocol: auto", routes: "[{path: /test.Echo/Forever, endWithToken: true}]",
          issuer: "leeway: 0s", more: "cors: {origins: [\"https://pages.example.com\"]}"))
    }
  }

  let sidecar: SidecarUnderTest

  init() throws { sidecar = try Served.shared.get().sidecar }

  private func call(_ name: String, token: String? = nil, authorized: Bool = true) throws -> [String: Any] {
    let token = try token ?? sidecar.issuer.first.token(sidecar.claims)
    return try Python.object("grpc_client.py", ["\(sidecar.port)", name] + (authorized ? [token] : []))
  }

  @Test(arguments: [
    ("Unary", ["cba"]), ("ClientStream", ["abc"]), ("ServerStream", (0..<1000).map { "\($0)" }), ("Both", ["aa", "bb", "cc"]),
  ])
  func `a call of each kind goes through, with who calls and with its trailers`(name: String, received: [String]) throws {
    let seen = try call(name)
    #expect(seen["status"] as? String == "OK", "\(seen)")
    #expect(seen["received"] as? [String] == received)
    let initial = seen["initial"] as? [String: String]
    #expect(initial?["x-caller"] == "alice" && initial?["x-had-token"] == "False")
    #expect((seen["trailing"] as? [String: String])?["x-sum"] == "7")
  }

  @Test func `a message of six megabytes goes there and back`() throws {
    #expect(try call("Large")["received"] as? [Int] == [6_000_000])
  }

  @Test func `the app's own status and message arrive`() throws {
    let seen = try call("Fail")
    #expect(seen["status"] as? String == "FAILED_PRECONDITION")
    #expect(seen["message"] as? String == "not now: 100 %")
  }

  @Test(arguments: ["Unary", "ClientStream", "ServerStream", "Both"])
  func `without a token a call is UNAUTHENTICATED and says why`(name: String) throws {
    let seen = try call(name, authorized: false)
    #expect(seen["status"] as? String == "UNAUTHENTICATED", "\(seen)")
    #expect(seen["message"] as? String == "token_missing")
  }

  @Test func `a stream whose token expires ends with UNAUTHENTICATED`() throws {
    let token = try sidecar.issuer.first.token(sidecar.issuer.first.claims(lifetime: 4))
    let seen = try call("Forever", token: token)
    #expect(seen["status"] as? String == "UNAUTHENTICATED", "\(seen)")
    #expect(seen["message"] as? String == "token_expired")
    #expect((seen["received"] as? [String])?.first == "tick")
  }

  @Test(arguments: ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text", "application/grpc-web;x=y", "Application/gRPC-Web+proto"])
  func `a refusal of gRPC-Web has the request's media type and its status in the head`(mediaType: String) throws {
    let answer = try sidecar.ask(
      "POST", "/test.Echo/Unary", "Content-Type: \(mediaType)\r\nContent-Length: 0\r\nOrigin: https://pages.example.com\r\n",
      authorized: false)
    #expect(answer.status == 200)
    #expect(answer.values("content-type") == [mediaType])
    #expect(answer.values("grpc-status") == ["16"] && answer.values("grpc-message") == ["token_missing"])
    #expect(answer.values("access-control-allow-origin") == ["https://pages.example.com"])
    #expect(answer.values("access-control-expose-headers").first?.contains("grpc-status") == true)
    #expect(answer.body.isEmpty)
  }

  @Test(arguments: ["application/grpc-website", "application/grpcx", "application/json", "application/grpc"])
  func `what is neither gRPC nor gRPC-Web is refused as anything else`(mediaType: String) throws {
    let answer = try sidecar.ask(
      "POST", "/test.Echo/Unary", "Content-Type: \(mediaType)\r\nContent-Length: 0\r\n", authorized: false)
    #expect(answer.status == 401)
    #expect(answer.values("grpc-status").isEmpty)
  }
}
