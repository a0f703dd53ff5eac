import HTTP
import Transport

/// `Max-Forwards` (RFC 9110 §7.6.2): who asks for options may ask each gateway on the way.
extension Proxy {
  /// The app gets one less.
  /// - Returns: false where nothing is left, and the answer is ours.
  mutating func countForward(_ exchange: Handle, _ lines: inout [FieldLine]) -> Bool {
    guard server.exchanges[exchange].head.method == .options else { return true }
    for index in lines.indices where lines[index].name.count == 12 {
      let arena = server.exchanges[exchange].head.fields.bytes
      guard arena.span.extracting(lines[index].name.range).matches("max-forwards"),
        let left = FieldSyntax.contentLength(arena.span.extracting(lines[index].value.range))
      else { continue }
      if left == 0 { return false }
      lines[index].value = server.exchanges[exchange].head.fields.store(String(left - 1))
    }
    return true
  }

  mutating func answerOptions(_ passage: Handle) {
    var head = ResponseHead()
    head.status = 200
    head.fields.append("allow", Refusal.appMethods.description)
    answer(passage, &head, [], mediaType: "")
  }
}
