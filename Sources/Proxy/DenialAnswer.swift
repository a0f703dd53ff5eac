public import Gate
import HTTP

/// What a client is told of a denial, as it leaves over HTTP/1.1 and HTTP/2 alike: for `explain`. What depends on the
/// request besides is left out: CORS fields, gRPC's form, the redirection of a browser's navigation.
public struct DenialAnswer: Sendable {
  public let status: UInt16
  /// Names in lower case.
  public let fields: [(name: String, value: String)]
  public let content: [UInt8]

  public init(_ denied: Denied) {
    let refusal = Refusal(denied)
    var head = ResponseHead()
    refusal.append(to: &head)
    status = refusal.reason.answer.status
    fields = head.fields.lines.map { (head.fields.string($0.name), head.fields.string($0.value)) }
    content = refusal.content.bytes
  }
}
