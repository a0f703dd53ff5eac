import HTTP
import HTTPServer
import Transport

/// How a call wants to be told its status: in trailer fields of HTTP/2, or as gRPC-Web, which any version carries.
struct GRPCForm {
  let isWeb: Bool
  /// Of a refusal: what the request has, so that its client takes it for an answer.
  let mediaType: String
}

extension Proxy {
  /// By the request's media type: `application/grpc`, `application/grpc-web`, `application/grpc-web-text`, each with or
  /// without a message format behind `+`.
  func grpcForm(of exchange: Handle) -> GRPCForm? {
    guard let mediaType = server.exchanges[exchange].head.fields.only(.contentType) else { return nil }
    let value = server.exchanges[exchange].head.fields.bytes.span.extracting(mediaType.range)
    guard value.count >= 16, value.extracting(0..<16).matchesIgnoringCase("application/grpc") else { return nil }
    let isHTTP2 = server.exchanges[exchange].head.version == .http2
    if value.count == 16 || Self.endsName(value[16]) { return isHTTP2 ? GRPCForm(isWeb: false, mediaType: "application/grpc") : nil }
    for (name, count) in [("application/grpc-web-text" as StaticString, 25), ("application/grpc-web", 20)] {
      guard value.count >= count, value.extracting(0..<count).matchesIgnoringCase(name) else { continue }
      guard value.count == count || Self.endsName(value[count]) else { continue }
      return GRPCForm(isWeb: true, mediaType: server.exchanges[exchange].head.fields.string(mediaType))
    }
    return nil
  }

  private static func endsName(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: ";") }
}
