internal import Glibc
internal import Transport

/// Where settings come from besides the file itself: paths relative to it, files that it names, the environment.
public struct SettingsSources {
  let directory: String
  let environment: (String) -> String?

  /// - Parameter environment: the value of a variable; nil: it is not set.
  public init(besides file: String, environment: @escaping (String) -> String? = Self.processEnvironment) {
    self.environment = environment
    guard let slash = file.lastIndex(of: "/") else {
      directory = ""
      return
    }
    directory = String(file[...slash])
  }

  public static func processEnvironment(_ name: String) -> String? {
    guard !name.contains("\0"), let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  /// The first of the variables that is there and not empty.
  func variable(_ names: String...) -> String? {
    names.lazy.compactMap { environment($0) }.first { !$0.isEmpty }
  }

  func resolved(_ path: String) -> String { path.hasPrefix("/") ? path : directory + path }

  func read(_ path: String, limitBytes: Int) throws(Errno) -> [UInt8] {
    try FileContent.read(path, limitBytes: limitBytes)
  }

  /// Whether this process could create a file of that path.
  func isFolderWritable(of path: String) -> Bool {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    return unsafe access(folder, W_OK) == 0
  }
}
