internal import Transport

/// What was read, what was warned about and which files decide it.
public struct LoadedSettings: Sendable {
  public let settings: SidecarSettings
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
      throw SettingsRefused(problems: [Problem(file: path, line: 1, column: 1, key: "", message: "cannot be read: \(error)")])
    }
    return try read(bytes, named: path, SettingsSources(besides: path, environment: environment))
  }

  static func read(
    _ bytes: [UInt8], named file: String, _ sources: SettingsSources
  ) throws(SettingsRefused) -> LoadedSettings {
    let reading = Reading(file: file, sources: sources)
    guard let settings = read(bytes, reading), reading.problems.isEmpty else {
      let problems = reading.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
      throw SettingsRefused(problems: Array(problems.prefix(Reading.problemLimit)))
    }
    return LoadedSettings(
      settings: settings, warnings: reading.warnings.sorted { ($0.line, $0.column) < ($1.line, $1.column) },
      watchedFiles: [file] + reading.watchedFiles)
  }

  /// Nil, or a value that must not be used, when problems were found.
  static func read(_ bytes: [UInt8], _ reading: Reading) -> SidecarSettings? {
    let tree = YAMLTree(bytes)
    for problem in tree.problems { reading.refuse(problem.position, "", problem.message) }
    guard let root = tree.root else {
      if tree.problems.isEmpty { reading.refuse(Position(line: 1, column: 1), "", "the file is empty") }
      return nil
    }
    let settings = Section.read(Place(reading: reading, path: "", node: root), SidecarSettings.init)
    settings.check(reading)
    return settings
  }
}
