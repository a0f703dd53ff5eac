import Foundation

/// A certificate authority for tests, made by the `openssl` command in a temporary folder that goes with it.
public final class CertificateAuthority: Sendable {
  /// PEM texts.
  public struct Identity: Sendable {
    public let certificate: [UInt8]
    public let privateKey: [UInt8]
  }

  public enum Failure: Error { case commandFailed(arguments: [String], output: String) }

  private let folder: URL
  /// The authority's own certificate, PEM.
  public let certificate: [UInt8]

  public init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "authority-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Self.openssl(
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
        "/CN=Test Authority", "-keyout", "ca.key", "-out", "ca.pem",
      ], in: folder)
    certificate = try [UInt8](Data(contentsOf: folder.appending(path: "ca.pem")))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// A server certificate.
  ///
  /// - Parameters:
  ///   - names: of the form `DNS:localhost` or `IP:127.0.0.1`.
  ///   - commonName: of the subject.
  ///   - validDays: from now; 0 or less is expired.
  ///   - usage: `serverAuth` or `clientAuth`.
  public func identity(
    names: [String], commonName: String = "test", validDays: Int = 30, usage: String = "serverAuth"
  ) throws -> Identity {
    let name = UUID().uuidString
    var extensions = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=\(usage)\n"
    if !names.isEmpty { extensions += "subjectAltName=\(names.joined(separator: ","))\n" }
    try Data(extensions.utf8).write(to: folder.appending(path: "\(name).ext"))
    try Self.openssl(
      [
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(commonName)",
        "-keyout",
        "\(name).key", "-out", "\(name).csr",
      ], in: folder)
    try Self.openssl(
      [
        "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial",
        "\(UInt32.random(in: 1 ... .max))", "-days", "\(validDays)", "-extfile", "\(name).ext", "-out", "\(name).pem",
      ],
      in: folder)
    return Identity(
      certificate: try [UInt8](Data(contentsOf: folder.appending(path: "\(name).pem"))),
      privateKey: try [UInt8](Data(contentsOf: folder.appending(path: "\(name).key"))))
  }

  private static func openssl(_ arguments: [String], in folder: URL) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.start()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure.commandFailed(arguments: arguments, output: String(decoding: text, as: UTF8.self))
    }
  }
}
