import Foundation
import Synchronization
import TestPeers
import Testing

/// Another configuration while the process runs.
@Suite struct ReloadTests {
  let app: RecordingApp

  init() throws { app = try RecordingApp() }

  private func opening(_ path: String) -> (String) -> String {
    { $0.replacingOccurrences(of: "routes: [", with: "routes: [{path: \(path), access: public}, ") }
  }

  enum Way: CaseIterable { case renamed, inPlace, linkSwapped, signalled }

  @Test(arguments: Way.allCases)
  func `a changed file is in force soon, whichever way it was changed`(_ way: Way) throws {
    let sidecar = try SidecarUnderTest(app: app.port)
    let file = URL(fileURLWithPath: sidecar.folder + "/sidecar.yaml")
    let changed = Data(opening("/opened")(try String(contentsOf: file, encoding: .utf8)).utf8)
    #expect(try sidecar.ask("GET", "/opened", authorized: false).status == 401)
    switch way {
    case .renamed: try sidecar.reconfigure(opening("/opened"))
    case .inPlace: try changed.write(to: file)
    case .linkSwapped:
      // As a volume of Kubernetes: first the file becomes a link, later the link between changes.
      try FileManager.default.createDirectory(atPath: sidecar.folder + "/..1", withIntermediateDirectories: false)
      try FileManager.default.moveItem(atPath: file.path, toPath: sidecar.folder + "/..1/sidecar.yaml")
      try FileManager.default.createSymbolicLink(atPath: sidecar.folder + "/..data", withDestinationPath: "..1")
      try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "..data/sidecar.yaml")
      #expect(eventually { sidecar.events("reloaded").isEmpty ? nil : true } == true)
      try FileManager.default.createDirectory(atPath: sidecar.folder + "/..2", withIntermediateDirectories: false)
      try changed.write(to: URL(fileURLWithPath: sidecar.folder + "/..2/sidecar.yaml"))
      try FileManager.default.createSymbolicLink(atPath: sidecar.folder + "/..data_tmp", withDestinationPath: "..2")
      #expect(unsafe rename(sidecar.folder + "/..data_tmp", sidecar.folder + "/..data") == 0)
    case .signalled:
      try sidecar.reconfigure(opening("/opened"))
      sidecar.process.signal(SIGHUP)
    }
    #expect(try eventually { try sidecar.ask("GET", "/opened", authorized: false).status == 200 ? true : nil } == true)
    #expect(try sidecar.ask("GET", "/closed", authorized: false).status == 401)
  }

  @Test func `a connection lives on and its next request is decided by the new rules`() throws {
    let sidecar = try SidecarUnderTest(app: app.port)
    let connection = try sidecar.connection()
    let request = "GET /opened HTTP/1.1\r\nHost: a\r\n\r\n"
    try connection.send(request)
    #expect(try connection.readResponse().status == 401)
    try sidecar.reconfigure(opening("/opened"))
    #expect(eventually { sidecar.events("reloaded").isEmpty ? nil : true } == true)
    let opened: Bool? = try eventually {
      try connection.send(request)
      return try connection.readResponse().status == 200 ? true : nil
    }
    #expect(opened == true)
  }

  @Test func `a bad file changes nothing, is told with its place, and a good one heals it`() throws {
    let sidecar = try SidecarUnderTest(app: app.port)
    try sidecar.reconfigure { $0 + "proberen: {}\n" }
    let refused = try #require(eventually { sidecar.events("reload_refused").first })
    #expect(refused["key"] as? String == "proberen" && refused["column"] as? Int == 1)
    #expect((refused["line"] as? Int ?? 0) > 10 && (refused["file"] as? String)?.hasSuffix("/sidecar.yaml") == true)
    #expect(try sidecar.ask("GET", "/still").status == 200)
    let ready = try #require(sidecar.probe("/ready"))
    let body = try #require(try JSONSerialization.jsonObject(with: Data(ready.body)) as? [String: Any])
    #expect(ready.status == 200 && body["status"] as? String == "degraded")
    let configuration = try #require(body["configuration"] as? [String: Any])
    #expect(configuration["state"] as? String == "refused" && configuration["key"] as? String == "proberen")

    try sidecar.reconfigure { opening("/opened")($0.replacingOccurrences(of: "proberen: {}\n", with: "")) }
    #expect(try eventually { try sidecar.ask("GET", "/opened", authorized: false).status == 200 ? true : nil } == true)
    #expect(sidecar.probe("/ready")?.text.contains(#""state":"in_force""#) == true)
  }

  @Test func `what is fixed at the start is refused and named`() throws {
    let sidecar = try SidecarUnderTest(app: app.port)
    try sidecar.reconfigure { opening("/opened")($0.replacingOccurrences(of: "workers: 1", with: "workers: 2")) }
    let refused = try #require(eventually { sidecar.events("reload_refused").first })
    #expect(refused["needs_restart"] as? String == "workers")
    #expect(try sidecar.ask("GET", "/opened", authorized: false).status == 401)
  }

  @Test func `an issuer that is gone is no longer believed, one that is new is`() throws {
    let sidecar = try SidecarUnderTest(app: app.port)
    let other = try SidecarUnderTest.Issuer(issuer: "https://other.example.com/")
    let newToken = "Authorization: Bearer \(try other.first.token())\r\n"
    #expect(try sidecar.ask("GET", "/a").status == 200)
    #expect(try sidecar.ask("GET", "/a", newToken, authorized: false).status == 401)
    try sidecar.reconfigure {
      $0.replacingOccurrences(of: "issuer: \(sidecar.issuer.first.issuer)\n", with: "issuer: \(other.first.issuer)\n")
        .replacingOccurrences(of: ":\(sidecar.issuer.port)/jwks", with: ":\(other.port)/jwks")
    }
    #expect(try eventually { try sidecar.ask("GET", "/b", newToken, authorized: false).status == 200 ? true : nil } == true)
    // Verified before, and in the cache until then.
    let refused = try sidecar.ask("GET", "/a")
    #expect(refused.status == 401 && refused.text.contains("issuer_unknown"))
  }

  @Test func `the app may move: what it works on is finished, the next goes to the new one`() throws {
    let arrived = DispatchSemaphore(value: 0)
    let release = DispatchSemaphore(value: 0)
    app.on("/held") { _, connection in
      arrived.signal()
      release.wait()
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")
      return true
    }
    let sidecar = try SidecarUnderTest(app: app.port)
    let held = try sidecar.connection()
    try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(arrived.wait(timeout: .now() + 30) == .success)
    let next = try RecordingApp()
    try sidecar.reconfigure { $0.replacingOccurrences(of: "127.0.0.1:\(app.port)", with: "127.0.0.1:\(next.port)") }
    let moved: Bool? = try eventually {
      let status = try sidecar.ask("GET", "/moved").status
      #expect(status == 200)
      return next.received("/moved").isEmpty ? nil : true
    }
    #expect(moved == true)
    release.signal()
    #expect(try held.readResponse().text == "old")
  }

  @Test func `a secret in a file is read again`() throws {
    let seen = Mutex<[String]>([])
    let record: @Sendable (String) -> Void = { value in seen.withLock { $0.append(value) } }
    let corbado = try RecordingApp()
    corbado.on("/v2/connectTokens") { head, connection in
      var message = head
      try connection.readBody(of: &message)
      record(head.values("authorization").first ?? "")
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"secret\":\"cot1\"}")
      return true
    }
    let sidecar = try SidecarUnderTest(app: app.port) { text, folder in
      try Data("corbado1_old\n".utf8).write(to: URL(fileURLWithPath: folder + "/secret"))
      return text.replacingOccurrences(
        of: "apiSecret: {env: CORBADO_API_SECRET}",
        with: "apiSecret: {file: secret}, backendAPI: \"http://127.0.0.1:\(corbado.port)\"")
    }
    func authorization(_ secret: String) -> String { "Basic " + Data("pro-1:\(secret)".utf8).base64EncodedString() }
    let body = #"{"connectTokenType":"passkey-list"}"#
    let fields = "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
    #expect(try sidecar.ask("POST", "/auth/createConnectToken", fields, body: body).status == 200)
    #expect(seen.withLock { $0 } == [authorization("corbado1_old")])
    try Data("corbado1_new\n".utf8).write(to: URL(fileURLWithPath: sidecar.folder + "/secret"), options: .atomic)
    let isNew: Bool? = try eventually {
      _ = try sidecar.ask("POST", "/auth/createConnectToken", fields, body: body)
      return seen.withLock { $0.last } == authorization("corbado1_new") ? true : nil
    }
    #expect(isNew == true)
  }

  @Test func `no request is lost however often it is read`() throws {
    let sidecar = try SidecarUnderTest(app: app.port)
    let token = try sidecar.authorization
    let port = sidecar.port
    let load = Mutex((isOver: false, served: 0, failed: 0))
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      let connection = try? RawConnection(port: port)
      while !load.withLock({ $0.isOver }) {
        try? connection?.send("GET /loop HTTP/1.1\r\nHost: a\r\n\(token)\r\n")
        let status = try? connection?.readResponse().status
        load.withLock { if status == 200 { $0.served += 1 } else { $0.failed += 1 } }
        if status == nil { break }
      }
      ended.signal()
    }
    for count in 1...10 {
      sidecar.process.signal(SIGHUP)
      #expect(eventually { sidecar.events("reloaded").count >= count ? true : nil } == true)
    }
    load.withLock { $0.isOver = true }
    ended.wait()
    let (_, served, failed) = load.withLock { $0 }
    #expect(served > 10 && failed == 0)
  }
}
