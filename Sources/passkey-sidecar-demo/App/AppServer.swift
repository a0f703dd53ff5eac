import HTTP
import HTTPServer
import Transport

/// The app's port: HTTP/1.1 and HTTP/2 by prior knowledge, on the product's own server. Serves as long as it is kept.
struct AppServer {
  let port: UInt16
  private let server: BufferedServer

  /// `port` 0: the system's choice.
  init(port: UInt16, _ app: DemoApp) throws(Errno) {
    let executor = try LoopExecutor()
    let server = try BufferedServer(on: executor, at: SocketAddress(ipv4: 0x7F00_0001, port: port)) { request in
      BufferedResponse(app.handle(DemoRequest(request)))
    }
    self.server = server
    self.port = server.address.port
    _ = try Thread(named: "demo-app") { executor.run() }
    Task(executorPreference: executor) { await server.start() }
  }
}

extension DemoRequest {
  init(_ request: BufferedRequest) {
    let head = request.head
    let fields = head.fields
    self.init(
      fields.string(head.methodName), fields.string(head.target),
      fields: fields.lines.map { Field(name: fields.string($0.name), value: fields.string($0.value)) },
      body: request.content,
      peer: request.peer.host, version: head.version == .http2 ? "HTTP/2" : "HTTP/1.1")
  }
}

extension BufferedResponse {
  init(_ response: DemoResponse) {
    self.init(
      status: UInt16(clamping: response.status), fields: response.fields.map { ($0.name.lowercased(), $0.value) },
      content: response.body)
  }
}
