/// One finished exchange in numbers; its texts are handed to
/// ``AccessLog/append(_:client:method:path:rule:subject:issuer:)``.
public struct AccessLine: Sendable {
  public enum ProtocolVersion: UInt8, Sendable {
    case http10, http11, http2
  }

  /// When the request's head was complete.
  public var time = Timestamp(unixMilliseconds: 0)
  public var version = ProtocolVersion.http11
  /// 0: the exchange ended without a response; written as `null`.
  public var status: UInt16 = 0
  /// The refusal's reason as it stands in the table of refusals; nil: none.
  public var reason: String?
  /// The path of the route rule that decided, as the configuration writes it; nil: none did.
  public var route: String?
  /// Bytes of content received from and sent to the client, without framing.
  public var receivedBytes: Int64 = 0
  public var sentBytes: Int64 = 0
  /// Microseconds from the first byte of the head to the last byte of the response handed to the socket.
  public var totalMicroseconds: Int64 = 0
  /// Microseconds that the decision took, waiting for keys included; negative: none was made, `null`.
  public var gateMicroseconds: Int64 = -1
  /// Microseconds from the head sent to the app to its response head; negative: the app was not asked, `null`.
  public var upstreamMicroseconds: Int64 = -1
  public var trace = TraceContext.absent

  public init() {}
}

/// The access log of one worker: builds lines without allocating and hands them over once a loop turn.
///
/// A line is one JSON object: `time`, `client`, `method`, `path` (no query), `status`, `reason`, `rule`, `route`, `subject`,
/// `issuer`, `protocol`, `bytes_in`, `bytes_out`, `duration_us`, `gate_us`, `upstream_us` (microseconds), `trace_id`.
/// Members that do not apply are `null`; whatever bytes a client sends stay inside one line.
public struct AccessLog: ~Copyable {
  /// Bytes of `path` in a line. Above: cut and marked by `…`.
  public static let pathLimitBytes = 2048
  /// Bytes of every other text (method, rule, subject, issuer, client). Above: cut and marked by `…`.
  public static let textLimitBytes = 256
  /// A turn that builds more than this hands over before its end.
  private static let batchBytes = 32 * 1024

  private let writer: LineWriter?
  private var lines: [UInt8] = []
  private var lineCount = 0
  private var formatter = TimestampFormatter()

  /// - Parameter writer: nil when the access log is off.
  public init(writer: LineWriter?) {
    self.writer = writer
  }

  /// False when lines would go nowhere.
  public var isOn: Bool { writer != nil }

  /// Appends one line. An empty span means `null`. `subject` is what may be logged: a keyed hash, never a bare claim
  /// unless the configuration says so.
  public mutating func append(
    _ line: AccessLine, client: Span<UInt8>, method: Span<UInt8>, path: Span<UInt8>, rule: Span<UInt8>,
    subject: Span<UInt8>, issuer: Span<UInt8>
  ) {
    guard writer != nil else { return }
    let texts =
      min(path.count, Self.pathLimitBytes) + min(client.count, Self.textLimitBytes)
      + min(method.count, Self.textLimitBytes) + min(rule.count, Self.textLimitBytes)
      + min(subject.count, Self.textLimitBytes) + min(issuer.count, Self.textLimitBytes)
    let ownTexts = (line.reason?.utf8.count ?? 0) + min(line.route?.utf8.count ?? 0, Self.textLimitBytes)
    let room = 512 + (texts + ownTexts) * OutputSpan<UInt8>.worstCaseBytesPerByte
    lines.append(addingCapacity: room) { output in
      output.append("{\"time\":\"")
      formatter.append(line.time, to: &output)
      output.append("\",\"client\":")
      output.append(text: client)
      output.append(",\"method\":")
      output.append(text: method)
      output.append(",\"path\":")
      output.append(text: path, limit: Self.pathLimitBytes)
      output.append(",\"status\":")
      output.append(orNull: line.status == 0 ? -1 : Int64(line.status))
      if let reason = line.reason {
        output.append(",\"reason\":")
        output.append(text: reason.utf8.span)
        output.append(",\"rule\":")
      } else {
        output.append(",\"reason\":null,\"rule\":")
      }
      output.append(text: rule)
      output.append(",\"route\":")
      if let route = line.route { output.append(text: route.utf8.span) } else { output.append("null") }
      output.append(",\"subject\":")
      output.append(text: subject)
      output.append(",\"issuer\":")
      output.append(text: issuer)
      switch line.version {
      case .http10: output.append(",\"protocol\":\"HTTP/1.0\",\"bytes_in\":")
      case .http11: output.append(",\"protocol\":\"HTTP/1.1\",\"bytes_in\":")
      case .http2: output.append(",\"protocol\":\"HTTP/2\",\"bytes_in\":")
      }
      output.append(integer: line.receivedBytes)
      output.append(",\"bytes_out\":")
      output.append(integer: line.sentBytes)
      output.append(",\"duration_us\":")
      output.append(integer: line.totalMicroseconds)
      output.append(",\"gate_us\":")
      output.append(orNull: line.gateMicroseconds)
      output.append(",\"upstream_us\":")
      output.append(orNull: line.upstreamMicroseconds)
      if line.trace.isPresent {
        output.append(",\"trace_id\":\"")
        output.append(hexadecimal: line.trace.traceHigh)
        output.append(hexadecimal: line.trace.traceLow)
        output.append("\"}\n")
      } else {
        output.append(",\"trace_id\":null}\n")
      }
    }
    lineCount += 1
    if lines.count > Self.batchBytes { flush() }
  }

  /// Hands the turn's lines over; never blocks.
  public mutating func flush() {
    guard lineCount > 0 else { return }
    writer?.append(lines.span, lineCount: lineCount)
    lineCount = 0
    lines.removeAll(keepingCapacity: lines.capacity <= 4 * Self.batchBytes)
  }
}

extension OutputSpan where Element == UInt8 {
  fileprivate mutating func append(text: Span<UInt8>, limit: Int = AccessLog.textLimitBytes) {
    if text.isEmpty { append("null") } else { append(quoted: text, limit: limit) }
  }

  fileprivate mutating func append(orNull integer: Int64) {
    if integer < 0 { append("null") } else { append(integer: integer) }
  }
}
