import Foundation
import TestPeers
import Testing

/// What operators may look at, and where.
@Suite struct AdminTests {
  private func object(_ message: H1Message?) throws -> [String: Any] {
    let message = try #require(message)
    #expect(message.status == 200)
    return try #require(try JSONSerialization.jsonObject(with: Data(message.body)) as? [String: Any])
  }

  @Test func `the configuration in force is shown with its defaults, and where secrets are, not what they are`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    let shown = try object(SidecarUnderTest.get("/config", at: sidecar.admin))
    let configuration = try #require(shown["configuration"] as? [String: Any])
    let corbado = try #require(configuration["corbado"] as? [String: Any])
    #expect(corbado["apiSecret"] as? [String: String] == ["env": "CORBADO_API_SECRET"])
    let defaults = try #require(shown["defaults"] as? [String: String])
    #expect(defaults["limits.idle"] == "75s" && defaults["limits.drain"] == nil)
    #expect(SidecarUnderTest.get("/config", at: sidecar.admin)?.text.contains("corbado1_x") == false)
  }

  @Test func `a configuration that was refused is not shown as the one in force`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    try sidecar.reconfigure { $0.replacingOccurrences(of: "workers: 1", with: "workers: 0") }
    #expect(eventually { sidecar.events("reload_refused").isEmpty ? nil : true } == true)
    let shown = try object(SidecarUnderTest.get("/config", at: sidecar.admin))
    #expect((shown["configuration"] as? [String: Any])?["workers"] as? String == "1")
  }

  @Test func `connections are listed with their peers`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    let connection = try sidecar.connection()
    try connection.send("GET /kept HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(try connection.readResponse().status == 200)
    let shown = try object(SidecarUnderTest.get("/connections", at: sidecar.admin))
    let worker = try #require((shown["workers"] as? [[String: Any]])?.first)
    #expect(worker["open"] as? Int == 1)
    let listed = try #require((worker["connections"] as? [[String: Any]])?.first)
    #expect((listed["peer"] as? String)?.hasPrefix("127.0.0.1:") == true)
    #expect(listed["protocol"] as? String == "HTTP/1.1" && listed["requests"] as? Int == 0)
  }

  @Test func `it answers on its own port alone, and changes nothing`() throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    for path in ["/config", "/connections"] {
      #expect(sidecar.probe(path)?.status == 404)
      #expect(try sidecar.ask("GET", path, authorized: false).status == 401)
      #expect(try sidecar.ask("GET", path).status == 200)
      #expect(app.received(path).count == 1)
    }
    let connection = try RawConnection(port: sidecar.admin)
    try connection.send("POST /config HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    #expect(try connection.readResponse().status == 405)
    #expect(SidecarUnderTest.get("/metrics", at: sidecar.admin)?.status == 404)
  }

  @Test func `at a Unix socket it answers whoever may open the file, and nowhere else`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port) { text, folder in
      text.split(separator: "\n").map { $0.hasPrefix("admin: ") ? "admin: {address: \"unix:admin\"}" : String($0) }
        .joined(separator: "\n")
    }
    let socket = sidecar.folder + "/admin"
    func shown(_ path: String) throws -> [String: Any] {
      let answer = try ChildProcess.run("curl", ["-sS", "--fail", "--max-time", "20", "--unix-socket", socket, "http://admin\(path)"])
      #expect(answer.code == 0 && !answer.output.contains("corbado1_x"), "\(answer.output)")
      return try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any] ?? [:]
    }
    let connection = try sidecar.connection()
    try connection.send("GET /kept HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(try connection.readResponse().status == 200)
    let configuration = try #require(try shown("/config")["configuration"] as? [String: Any])
    #expect((configuration["corbado"] as? [String: Any])?["apiSecret"] as? [String: String] == ["env": "CORBADO_API_SECRET"])
    #expect((configuration["admin"] as? [String: String]) == ["address": "unix:admin"])
    #expect((try shown("/connections")["workers"] as? [[String: Any]])?.first?["open"] as? Int == 1)
    #expect(try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int == 0o660)
    for path in ["/config", "/connections"] {
      #expect(try sidecar.ask("GET", path, authorized: false).status == 401)
      #expect(sidecar.probe(path)?.status == 404)
    }
    sidecar.process.signal(SIGTERM)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
    #expect(!FileManager.default.fileExists(atPath: socket))
  }

  @Test func `who asks for strict readiness gets it, and it can be taken back without a restart`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    try sidecar.reconfigure { $0.replacingOccurrences(of: "admin: {", with: "admin: {strictReadiness: true, ") }
    #expect(eventually { sidecar.events("reloaded").count == 1 ? true : nil } == true)
    // A configuration that is refused is a dependency too.
    try sidecar.reconfigure { $0 + "nothing: known\n" }
    #expect(eventually { sidecar.probe("/ready")?.status == 503 ? true : nil } == true)
    try sidecar.reconfigure {
      $0.replacingOccurrences(of: "nothing: known\n", with: "").replacingOccurrences(of: "strictReadiness: true, ", with: "")
    }
    #expect(eventually { sidecar.probe("/ready")?.status == 200 ? true : nil } == true)
  }
}
