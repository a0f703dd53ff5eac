import Driver
import JOSE

/// Any bytes as JSON: what is accepted is written again, and what was written is read as the same.
@main struct FuzzJSON {
  static func main() {
    unsafe fuzz { start, count in
      let text = unsafe bytes(start, count)
      guard let document = try? JSONDocument(text.span) else { return 0 }
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
      return 0
    }
  }
}
