/// Spans as the JSON form of OTLP (opentelemetry-proto, `ExportTraceServiceRequest`): IDs in hexadecimal, 64-bit numbers as
/// text.
public enum TraceExport {
  public static func content(_ spans: [SpanRecord], version: String) -> [UInt8] {
    var bytes: [UInt8] = []
    func put(_ text: String) { bytes += Array(text.utf8) }
    put(#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"passkey-sidecar"}},"#)
    put(#"{"key":"service.version","value":{"stringValue":"#)
    bytes.append(quoted: version)
    put(#"}}]},"scopeSpans":[{"scope":{"name":"passkey-sidecar"},"spans":["#)
    for (index, span) in spans.enumerated() {
      if index > 0 { put(",") }
      put(#"{"traceId":""#)
      bytes.append(hexadecimal: span.traceHigh)
      bytes.append(hexadecimal: span.traceLow)
      put(#"","spanId":""#)
      bytes.append(hexadecimal: span.span)
      if span.parent != 0 {
        put(#"","parentSpanId":""#)
        bytes.append(hexadecimal: span.parent)
      }
      put(#"","kind":\#(span.kind.rawValue),"name":"#)
      bytes.append(quoted: span.name)
      put(#","startTimeUnixNano":"\#(span.startNanoseconds)","endTimeUnixNano":"\#(span.endNanoseconds)","attributes":["#)
      for (index, attribute) in span.attributes.enumerated() {
        put(#"\#(index > 0 ? "," : ""){"key":"\#(attribute.name)","value":"#)
        switch attribute.value {
        case .text(let text):
          put(#"{"stringValue":"#)
          bytes.append(quoted: text)
          put("}}")
        case .integer(let number): put(#"{"intValue":"\#(number)"}}"#)
        }
      }
      put(#"],"status":{"code":\#(span.isError ? 2 : 0)}}"#)
    }
    put("]}]}]}")
    return bytes
  }
}

extension [UInt8] {
  fileprivate mutating func append(quoted text: String) {
    let content = Array(text.utf8)
    append(addingCapacity: content.count * OutputSpan<UInt8>.worstCaseBytesPerByte + 2) { $0.append(quoted: content.span) }
  }

  fileprivate mutating func append(hexadecimal value: UInt64) {
    append(addingCapacity: 16) { $0.append(hexadecimal: value) }
  }
}
