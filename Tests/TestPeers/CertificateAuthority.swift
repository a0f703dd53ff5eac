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
  ///   - begunDaysAgo: when its time began.
  ///   - usage: `serverAuth` or `clientAuth`.
  public func identity(
    names: [String], commonName: String = "test", validDays: Int = 30, begunDaysAgo: Int = 0, usage: String = "serverAuth"
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
    if begunDaysAgo > 0 { return try signed(name, begunDaysAgo: begunDaysAgo, validDays: validDays) }
    try Self.openssl(
      [
        "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial",
        "\(UInt32.random(in: 1 ... .max))", "-days", "\(validDays)", "-extfile", "\(name).ext", "-out", "\(name).pem",
      ],
      in: folder)
    return try made(name)
  }

  private func made(_ name: String) throws -> Identity {
    Identity(
      certificate: try [UInt8](Data(contentsOf: folder.appending(path: "\(name).pem"))),
      privateKey: try [UInt8](Data(contentsOf: folder.appending(path: "\(name).key"))))
  }

  /// `openssl x509` of Debian 12 knows no beginning but now; `openssl ca` does, and wants books.
  private func signed(_ name: String, begunDaysAgo: Int, validDays: Int) throws -> Identity {
    let books = """
      [ca]
      default_ca = books
      [books]
      database = \(name).index
      new_certs_dir = .
      default_md = sha256
      rand_serial = yes
      policy = any
      [any]
      commonName = supplied

      """
    try Data(books.utf8).write(to: folder.appending(path: "\(name).cnf"))
    try Data().write(to: folder.appending(path: "\(name).index"))
    func time(_ days: Int) -> String {
      let parts = Calendar(identifier: .gregorian).dateComponents(
        in: .gmt, from: Date(timeIntervalSinceNow: Double(days) * 86_400))
      let numbers = [parts.month, parts.day, parts.hour, parts.minute, parts.second].map { String(format: "%02d", $0 ?? 0) }
      return "\(parts.year ?? 0)" + numbers.joined() + "Z"
    }
    try Self.openssl(
      [
        "ca", "-batch", "-notext", "-config", "\(name).cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", "\(name).csr",
        "-extfile", "\(name).ext", "-startdate", time(-begunDaysAgo), "-enddate", time(validDays), "-out", "\(name).pem",
      ],
      in: folder)
    return try made(name)
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
