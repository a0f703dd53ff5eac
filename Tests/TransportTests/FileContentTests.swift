import Foundation
import Testing
import Transport

@Suite struct FileContentTests {
  let folder: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    folder = url.path
  }

  @Test func `a file of many buffers is read whole`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/file"))
    #expect(try FileContent.read(folder + "/file", limitBytes: 100_000) == bytes)
  }

  @Test func `a file above the limit is refused`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(count: 11).write(to: URL(fileURLWithPath: folder + "/file"))
    #expect(throws: Errno.fileTooLarge) { try FileContent.read(folder + "/file", limitBytes: 10) }
  }

  @Test(arguments: [("missing", ENOENT), (".", EISDIR)])
  func `what is no readable file says why`(_ name: String, _ code: CInt) {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(throws: Errno(code)) { try FileContent.read(folder + "/" + name, limitBytes: 10) }
  }

  @Test func `a pipe that nobody writes to does not block`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let made = unsafe mkfifo(folder + "/pipe", 0o600)
    try #require(made == 0)
    #expect(try FileContent.read(folder + "/pipe", limitBytes: 10) == [])
  }
}
