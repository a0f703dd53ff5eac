public import Gate
public import Keys
public import Login
internal import Transport

/// A configuration that is in order: what was read, and the values of the rooms that were made of it.
public struct LoadedSettings: Sendable {
  public let settings: SidecarSettings
  /// The Gate's rules.
  public let policy: Policy
  /// Where keys come from.
  public let keys: Keys.Configuration
  /// What our endpoints need to know.
  public let login: Login.Configuration
  /// What the file says and the defaults of what it does not say, as a JSON object. Secrets are named, never shown.
  public let document: [UInt8]
  /// Nothing wrong, but it will bite.
  public let warnings: [Problem]
  /// The configuration file and those that it names: a change of any means that it should be read again.
  public let watchedFiles: [String]
}

extension SidecarSettings {
  /// Bytes of a configuration file. Above: refused.
  public static let fileLimitBytes = 1 << 20

  /// Reads and checks a file and everything that it names.
  /// - Throws: all problems that were found.
  public static func load(
    _ path: String, environment: @escaping (String) -> String? = SettingsSources.processEnvironment
  ) throws(SettingsRefused) -> LoadedSettings {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try FileContent.read(path, limitBytes: fileLimitBytes)
    } catch {
      throw SettingsRefused(problems: [
        Problem(file: path, line: 1, column: 1, key: "", message: "cannot be read: \(error)")
      ], watchedFiles: [path])
    }
    return try read(bytes, named: path, SettingsSources(besides: path, environment: environment))
  }

  static func read(
    _ bytes: [UInt8], named file: String, _ sources: SettingsSources
  ) throws(SettingsRefused) -> LoadedSettings {
    let reading = Reading(file: file, sources: sources)
    let settings = read(bytes, reading)
    // The rooms judge what is theirs, also of a file that has other faults: all are told at once.
    let policy = settings?.policy(reading)
    let keys = settings?.keysConfiguration(reading)
    let login = settings?.loginConfiguration(reading)
    settings?.check(reading, policy)
    guard let settings, let policy, let keys, let login, reading.problems.isEmpty else {
      let problems = reading.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
      throw SettingsRefused(
        problems: Array(problems.prefix(Reading.problemLimit)), watchedFiles: [file] + reading.watchedFiles)
    }
    return LoadedSettings(
      settings: settings, policy: policy, keys: keys, login: login, document: reading.document(of: bytes),
      warnings: reading.warnings.sorted { ($0.line, $0.column) < ($1.line, $1.column) },
      watchedFiles: [file] + reading.watchedFiles)
  }

  /// Nil when the file is no YAML; a value that must not be used when problems were found.
  static func read(_ bytes: [UInt8], _ reading: Reading) -> SidecarSettings? {
    let tree = YAMLTree(bytes)
    for problem in tree.problems { reading.refuse(problem.position, "", problem.message) }
    guard let root = tree.root else {
      if tree.problems.isEmpty { reading.refuse(Position(line: 1, column: 1), "", "the file is empty") }
      return nil
    }
    guard case .mapping = root.content else {
      reading.refuse(root.position, "", "expected a mapping of keys, found \(root.kind)")
      return nil
    }
    return Section.read(Place(reading: reading, path: "", node: root), SidecarSettings.init)
  }
}
