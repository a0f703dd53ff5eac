import Foundation

/// Somebody else's program at the other end: a server of Debian, or a few lines of Python that misbehave as told.
final class Peer: @unchecked Sendable {
  // `@unchecked`: used by the one test that made it.
  private let process = Process()
  private let output = Pipe()
  /// Ends with us, and with it the script.
  private let input = Pipe()
  private var unread = Data()
  private(set) var port: UInt16 = 0

  /// What a script may use: `accept()`, `head(c)` up to the empty line, `tell(…)` to the test, frames of HTTP/2.
  private static let prelude = """
    import os, socket, ssl, struct, sys, threading
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    def accept(): return listener.accept()[0]
    def tell(value): print(value, flush=True)
    def head(c):
        data = b""
        while not data.endswith(b"\\r\\n\\r\\n"):
            byte = c.recv(1)
            if not byte: break
            data += byte
        return data
    def exactly(c, count):
        data = b""
        while len(data) < count:
            more = c.recv(count - len(data))
            if not more: raise EOFError
            data += more
        return data
    def to_end(c):
        data = b""
        while True:
            more = c.recv(65536)
            if not more: return data
            data += more
    def reset(c):
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    def frame(kind, flags, stream, content=b""):
        return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content
    def read_frame(c):
        first = exactly(c, 9)
        return first[3], first[4], struct.unpack(">I", first[5:])[0] & 0x7fffffff, exactly(c, struct.unpack(">I", b"\\0" + first[:3])[0])
    def greet(c, settings=b""):
        assert exactly(c, 24).startswith(b"PRI * HTTP/2.0")
        c.sendall(frame(4, 0, 0, settings))
    def next_request(c):
        while True:
            kind, flags, stream, _ = read_frame(c)
            if kind == 1: return stream
    OK = b"\\x88"

    """

  init(script: String) throws {
    try run("python3", ["-c", Self.prelude + script])
    port = UInt16(try line())!
  }

  /// A program that listens on `port` and says so in a line of its output.
  init(_ program: String, port: UInt16, _ arguments: [String], directory: URL? = nil) throws {
    self.port = port
    process.currentDirectoryURL = directory
    try run(program, arguments)
    while try !line().contains(String(port)) {}
    // What it says later is read and forgotten: a full pipe would stop it.
    output.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = input
    try process.start()
  }

  deinit {
    // The child inherits the signal mask of the thread that ran it, which blocks SIGTERM.
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  /// The next line that the script told; blocks.
  func line() throws -> String {
    while true {
      if let end = unread.firstIndex(of: 10) {
        let line = String(decoding: unread[..<end], as: UTF8.self)
        unread = Data(unread[unread.index(after: end)...])
        return line
      }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw CocoaError(.fileReadUnknown) }
      unread.append(more)
    }
  }

  private static func socketAddress(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return address
  }

  private static func withSocket(_ port: UInt16, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = socketAddress(port)
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// A port on which nobody listens now.
  static func freePort() -> UInt16 {
    var port: UInt16 = 0
    _ = unsafe withSocket(0) { descriptor, address, length in
      guard unsafe bind(descriptor, address, length) == 0 else { return false }
      var bound = sockaddr_in()
      var count = length
      unsafe withUnsafeMutablePointer(to: &bound) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = unsafe getsockname(descriptor, $0, &count) }
      }
      port = UInt16(bigEndian: bound.sin_port)
      return true
    }
    return port
  }
}

/// A folder of this test's own.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = URL(filePath: NSTemporaryDirectory()).appending(path: "HTTPClientTests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}

/// A certificate for `localhost` and 127.0.0.1 by openssl(1), its own authority.
final class Certificate: Sendable {
  let folder: TemporaryFolder
  var certificatePath: String { folder.path("certificate.pem") }
  var keyPath: String { folder.path("key.pem") }

  static let shared = Result { try Certificate() }

  init() throws {
    folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
      "-subj", "/CN=test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", keyPath, "-out", certificatePath,
    ]
    process.standardError = FileHandle.nullDevice
    try process.start()
    process.waitUntilExit()
  }

  func pem() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: certificatePath))) }
}
