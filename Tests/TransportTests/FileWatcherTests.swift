import Foundation
import Testing
import Transport

@Suite final class FileWatcherTests {
  let folder: String
  private let patience: Mailbox<Bool>

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path
    patience = try Mailbox()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func write(_ text: String, _ path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + path))
  }

  private func link(_ path: String, to destination: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder + "/" + path, withDestinationPath: destination)
  }

  private func rename(_ from: String, _ to: String) {
    let outcome = unsafe Glibc.rename(folder + "/" + from, folder + "/" + to)
    #expect(outcome == 0)
  }

  /// Whether a change is told; one that is not ends the wait after some seconds.
  private func isTold(_ watcher: inout FileWatcher, within seconds: Int = 30) -> Bool {
    let patience = patience
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { patience.post(true) }
    return watcher.wait(or: patience.descriptor)
  }

  /// As Kubernetes mounts a ConfigMap: the file leads through `..data` to a folder of this version.
  private func mount(_ version: String, _ text: String) throws {
    try FileManager.default.createDirectory(atPath: folder + "/..\(version)", withIntermediateDirectories: false)
    try write(text, "..\(version)/file")
    try link("..data_tmp", to: "..\(version)")
    rename("..data_tmp", "..data")
  }

  enum Way: CaseIterable { case renamedOver, writtenInPlace, removed, madeAnew, modeChanged }

  @Test(arguments: Way.allCases)
  func `a change of any kind is told once`(_ way: Way) throws {
    if way != .madeAnew { try write("one", "file") }
    var watcher = try FileWatcher()
    watcher.watch([folder + "/file"], readAt: .now)
    // The file may be as young as the clock's tick; then that is told first.
    patience.post(true)
    _ = watcher.wait(or: patience.descriptor)
    _ = patience.takeAll()
    switch way {
    case .renamedOver:
      try write("two", "other")
      rename("other", "file")
    case .writtenInPlace, .madeAnew:
      guard let stream = unsafe fopen(folder + "/file", "w") else { throw Errno(errno) }
      _ = unsafe fputs("two", stream)
      _ = unsafe fclose(stream)
    case .removed: try FileManager.default.removeItem(atPath: folder + "/file")
    case .modeChanged: _ = unsafe chmod(folder + "/file", 0o600)
    }
    let first = isTold(&watcher)
    #expect(first)
    patience.post(true)
    let second = watcher.wait(or: patience.descriptor)
    #expect(!second)
  }

  @Test func `a swap of the link that Kubernetes leads a volume by is told, each time`() throws {
    try mount("v1", "one")
    try link("file", to: "..data/file")
    var watcher = try FileWatcher()
    watcher.watch([folder + "/file"], readAt: .now)
    for version in ["v2", "v3"] {
      try mount(version, "one")
      let told = isTold(&watcher)
      #expect(told)
      _ = patience.takeAll()
    }
  }

  @Test func `a file behind a link to another folder is watched there`() throws {
    try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: false)
    try write("one", "real/file")
    try link("file", to: "real/file")
    var watcher = try FileWatcher()
    watcher.watch([folder + "/file"], readAt: .now)
    try write("three", "real/file")
    // Sooner than by the look that would find it in the end.
    let told = isTold(&watcher, within: 8)
    #expect(told)
  }

  @Test func `other files of the folder are nobody's business`() throws {
    try write("one", "file")
    var watcher = try FileWatcher()
    watcher.watch([folder + "/file"], readAt: .now)
    patience.post(true)
    _ = watcher.wait(or: patience.descriptor)
    try write("one", "state.db-wal")
    let told = watcher.wait(or: patience.descriptor)
    #expect(!told)
  }

  @Test func `what changed between reading and watching is told`() throws {
    let before = FileWatcher.Moment.now
    try write("one", "file")
    var watcher = try FileWatcher()
    watcher.watch([folder + "/file"], readAt: before)
    let told = isTold(&watcher)
    #expect(told)
  }
}
