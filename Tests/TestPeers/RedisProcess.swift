import Foundation

/// A redis-server of Debian's on loopback, with a password, an ACL user and TLS. It ends with its owner.
public final class RedisProcess: Sendable {
  public static let password = "redis-secret"
  /// Of the ACL user `sidecar`.
  public static let userPassword = "sidecar-secret"

  public let port: UInt16
  public let tlsPort: UInt16
  /// PEM file of the authority that the server's certificate (localhost) is of.
  public var authority: String { folder + "/ca.pem" }
  private let folder: String
  private let process: ChildProcess

  public struct DidNotStart: Error { public let output: String }

  public convenience init() throws {
    let folder = NSTemporaryDirectory() + "redis-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let authority = try CertificateAuthority()
    let server = try authority.identity(names: ["DNS:localhost"])
    for (name, content) in [
      ("ca.pem", authority.certificate), ("server.pem", server.certificate), ("server.key", server.privateKey),
    ] { try Data(content).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
    try self.init(folder: folder, port: LoopbackServer.freePort(), tlsPort: LoopbackServer.freePort())
  }

  private init(folder: String, port: UInt16, tlsPort: UInt16) throws {
    self.folder = folder
    (self.port, self.tlsPort) = (port, tlsPort)
    process = try ChildProcess(
      "redis-server",
      [
        "--port", "\(port)", "--tls-port", "\(tlsPort)", "--bind", "127.0.0.1", "--dir", folder, "--save", "",
        "--appendonly", "yes", "--appendfsync", "always", "--requirepass", Self.password,
        "--tls-cert-file", folder + "/server.pem", "--tls-key-file", folder + "/server.key",
        "--tls-ca-cert-file", folder + "/ca.pem", "--tls-auth-clients", "no",
        "--user", "sidecar", "on", ">" + Self.userPassword, "~*", "&*", "+@all",
      ], output: folder + "/log")
    guard eventually({ (try? command("PING")) == "PONG" ? true : process.ending(within: 0) != nil ? false : nil }) == true
    else { throw DidNotStart(output: (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "") }
  }

  /// Ends it and waits until it is gone.
  public func stop() {
    process.signal(SIGKILL)
    _ = process.ending(within: 10)
  }

  /// Another one with the same data on the same ports, once this one was stopped.
  public func restarted() throws -> RedisProcess {
    try RedisProcess(folder: folder, port: port, tlsPort: tlsPort)
  }

  /// What Debian's client prints.
  @discardableResult
  public func command(_ words: String...) throws -> String {
    try ChildProcess.run("redis-cli", ["-p", "\(port)", "-a", Self.password, "--no-auth-warning"] + words).output
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
