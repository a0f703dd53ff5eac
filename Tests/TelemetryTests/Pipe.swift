import Foundation
import Glibc

/// A pipe whose far end is read only when the test says so.
struct TestPipe: ~Copyable {
  let reader: Int32
  let writer: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(unsafe pipe(&ends) == 0)
    (reader, writer) = (ends[0], ends[1])
  }

  deinit {
    close(reader)
    close(writer)
  }

  /// Reads until `count` line feeds have come.
  func readLines(_ count: Int) -> [String] {
    var content: [UInt8] = []
    var found = 0
    while found < count {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let length = unsafe read(reader, &buffer, buffer.count)
      guard length > 0 else { break }
      content.append(contentsOf: buffer[..<length])
      found += buffer[..<length].count { $0 == 0x0A }
    }
    return String(decoding: content, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

func object(_ line: String) throws -> [String: Any] {
  try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
}
