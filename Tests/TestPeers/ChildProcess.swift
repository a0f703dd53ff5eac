import Foundation
import Glibc
import Synchronization

/// A process that ends with its owner, or at the latest with the tests.
public final class ChildProcess: @unchecked Sendable {  // Process is not Sendable; after `init` only its ID is used.
  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)

  private static let running = Mutex<Set<Int32>>([])
  private static let endAll: Void = {
    _ = atexit { for id in ChildProcess.running.withLock({ $0 }) { kill(id, SIGKILL) } }
  }()

  /// - Parameters:
  ///   - path: absolute, or a name found in PATH.
  ///   - output: files written to; nil discards.
  public init(
    _ path: String, _ arguments: [String], environment: [String: String]? = nil, output: String? = nil,
    errors: String? = nil
  ) throws {
    _ = Self.endAll
    (process.executableURL, process.arguments) = Self.executable(path, arguments)
    if let environment { process.environment = environment }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try Self.handle(output)
    process.standardError = try Self.handle(errors)
    let ended = ended
    process.terminationHandler = { ending in
      Self.running.withLock { _ = $0.remove(ending.processIdentifier) }
      ended.signal()
    }
    try process.start()
    let id = process.processIdentifier
    if process.isRunning { Self.running.withLock { _ = $0.insert(id) } }
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  public var id: Int32 { process.processIdentifier }

  public func signal(_ signal: Int32) { if process.isRunning { kill(process.processIdentifier, signal) } }

  public struct Ending: Equatable, Sendable {
    /// The exit code, or the number of the signal.
    public let code: Int32
    public let wasSignalled: Bool

    public init(code: Int32, wasSignalled: Bool) { (self.code, self.wasSignalled) = (code, wasSignalled) }
  }

  /// Nil if it still runs after so many seconds.
  public func ending(within seconds: Double = 30) -> Ending? {
    guard ended.wait(timeout: .now() + seconds) == .success else { return nil }
    ended.signal()
    return Ending(code: process.terminationStatus, wasSignalled: process.terminationReason == .uncaughtSignal)
  }

  /// Runs a tool to its end: its exit code and what it wrote to both outputs.
  public static func run(_ path: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
    let process = Process()
    (process.executableURL, process.arguments) = executable(path, arguments)
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.start()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, output)
  }

  private static func executable(_ path: String, _ arguments: [String]) -> (URL, [String]) {
    path.hasPrefix("/")
      ? (URL(fileURLWithPath: path), arguments) : (URL(fileURLWithPath: "/usr/bin/env"), [path] + arguments)
  }

  private static func handle(_ path: String?) throws -> FileHandle {
    guard let path else { return .nullDevice }
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }
}

/// Looks again until it is so; nil when it still is not after half a minute.
public func eventually<Value>(_ value: () throws -> Value?) rethrows -> Value? {
  let limit = Date(timeIntervalSinceNow: 30)
  while Date() < limit {
    if let value = try value() { return value }
    usleep(5_000)
  }
  return nil
}
