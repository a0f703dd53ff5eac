import Driver
import JOSE

/// Any bytes as JSON: what is accepted is written again, and what was written is read as the same.
enum FuzzJSON {
  static func judge(_ text: [UInt8]) {
    guard let document = try? JSONDocument(text.span) else { return }
    var writer = JSONWriter()
    writer.value(document.root, of: document)
    let written = writer.bytes
    guard let again = try? JSONDocument(written.span, limits: JSONLimits(textBytes: 1 << 20)) else {
      fatalError("what was written is not read")
    }
    var second = JSONWriter()
    second.value(again.root, of: again)
    precondition(second.bytes == written, "written twice it is not the same")
    for path in ["a", "a.b", "a.b.c.d"] { _ = document.node(at: ClaimPath(path)!) }
    _ = document.numericDate(document.root)
    _ = document.integer(document.root)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzJSON.judge(unsafe bytes(start, count))
  return 0
}
