import Gate
import HTTP
import HTTPServer
import Transport

/// A reason with what its answer needs besides.
struct Refusal {
  let reason: Reason
  var challenge: String?
  var allowedMethods: StaticString?
  var endpoint: Endpoint?
  /// The rule whose login page a browser's navigation is sent to.
  var loginPageRule: Int?

  /// Of a method that goes to no app: `Allow` has to be there (RFC 9110 §15.5.6), and the app knows what it takes.
  static let appMethods: StaticString = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

  init(_ reason: Reason, endpoint: Endpoint? = nil) {
    self.reason = reason
    self.endpoint = endpoint
    if reason == .methodNotAllowed { allowedMethods = Self.appMethods }
  }

  init(_ denied: Denied) {
    reason = Reason(denied.denial)
    challenge = denied.challengeValue
    allowedMethods = denied.allowedMethods ?? (reason == .methodNotAllowed ? Self.appMethods : nil)
    endpoint = denied.endpoint
    if denied.redirectsToLoginPage { loginPageRule = denied.rule }
  }

  /// Seconds of `Retry-After`; 0 for none.
  var retryAfterSeconds: Int {
    switch reason {
    case .keysUnavailable, .stateUnavailable, .overloaded, .draining, .rateLimited: 1
    default: 0
    }
  }

  /// The fields that belong to the reason.
  func append(to head: inout ResponseHead) {
    if let challenge { head.fields.append("www-authenticate", challenge) }
    if let allowedMethods { head.fields.append("allow", allowedMethods.description) }
    if retryAfterSeconds > 0 { head.fields.append("retry-after", String(retryAfterSeconds)) }
  }

  /// The content, and whether it is JSON. Frontends parse those of our endpoints.
  var content: (bytes: [UInt8], mediaType: StaticString) {
    switch endpoint {
    case .createConnectToken where reason == .tokenMissing:
      (Array("Unauthorized".utf8), "text/plain; charset=utf-8")
    case .createConnectToken where reason.answer.status == 401:
      (Array(#"{"error":"Invalid access token"}"#.utf8), "application/json")
    case .completeLogin:
      (Array(#"{"success":false,"error":"\#(reason.rawValue)"}"#.utf8), "application/json")
    default:
      (Array(#"{"error":"\#(reason.rawValue)"}"#.utf8), "application/json")
    }
  }
}

/// The one way to say no.
extension Proxy {
  mutating func requestRefused(_ exchange: Handle, _ error: MessageError, _ loop: inout EventLoop) {
    guard server.exchanges.contains(exchange) else { return }
    let known = Handle(raw: server.exchanges[exchange].owner)
    guard let passage = passages.contains(known) ? known : begin(exchange) else { return }
    eventLog.debug("request_refused", ["rule": .text(error.violation.rawValue)])
    refuse(passage, Refusal(Reason(error)))
  }

  mutating func requestExpired(_ exchange: Handle, _ loop: inout EventLoop) {
    guard server.exchanges.contains(exchange) else { return }
    let known = Handle(raw: server.exchanges[exchange].owner)
    guard let passage = passages.contains(known) ? known : begin(exchange) else { return }
    refuse(passage, Refusal(.requestTimeout))
  }

  mutating func refuse(_ passage: Handle, _ refusal: Refusal) {
    let exchange = passages[passage].exchange
    let call = passages[passage].call
    if client.calls.contains(call) { client.cancel(call) }
    passages[passage].call = .none
    // What comes after a refusal changes nothing about why there was one.
    if passages[passage].reason == nil {
      passages[passage].reason = refusal.reason
      counters.refused(reason: refusal.reason.number)
    }
    // Over HTTP/2 a malformed request is answered with a reset; only the log and the counters have more to say.
    if server.exchanges[exchange].isClosed { return }
    if passages[passage].status != 0 { return server.reset(exchange) }
    passages[passage].stage = .answered

    let (status, grpcStatus) = refusal.reason.answer
    var head = ResponseHead()
    if let form = grpcForm(of: exchange) {
      head.status = 200
      head.fields.append("content-type", form.mediaType)
      head.fields.append("grpc-status", String(grpcStatus))
      head.fields.append("grpc-message", refusal.reason.rawValue)
      if form.isWeb { appendCrossOrigin(exchange, to: &head) }
      head.fields.append(name: "date".utf8.span, value: dateText().span)
      passages[passage].status = status
      server.respond(exchange, head, endsStream: true)
      return
    }
    if let page = refusal.loginPageRule.flatMap({ snapshot.policy.loginPage(ofRule: $0) }) {
      return redirect(passage, to: page)
    }
    head.status = status
    refusal.append(to: &head)
    let content = refusal.content
    answer(passage, &head, content.bytes, mediaType: content.mediaType)
  }

  /// To a page of the same origin, which learns where to lead back: the path and query as `return`, percent-encoded.
  private mutating func redirect(_ passage: Handle, to page: String) {
    let exchange = passages[passage].exchange
    var target = server.exchanges[exchange].head.target
    // `//host` would lead a careless page to another origin.
    if server.exchanges[exchange].head.fields.string(target).hasPrefix("//") { target = .empty }
    var location = Array(page.utf8)
    location.append(page.utf8.contains(UInt8(ascii: "?")) ? UInt8(ascii: "&") : UInt8(ascii: "?"))
    location.append(contentsOf: "return=".utf8)
    if target.isEmpty { location.append(UInt8(ascii: "/")) }
    for byte in server.exchanges[exchange].head.fields.bytes[target.range] { location.append(percentEncoded: byte) }
    var head = ResponseHead()
    head.status = 302
    head.fields.append(name: "location".utf8.span, value: location.span)
    answer(passage, &head, [], mediaType: "")
  }

  /// Sends an answer of our own.
  mutating func answer(
    _ passage: Handle, _ head: inout ResponseHead, _ content: [UInt8], mediaType: StaticString,
    cacheControl: StaticString = "no-store"
  ) {
    let exchange = passages[passage].exchange
    passages[passage].stage = .answered
    passages[passage].status = head.status
    head.fields.append("cache-control", cacheControl.description)
    appendCrossOrigin(exchange, to: &head)
    if head.status != 204 {
      if !content.isEmpty { head.fields.append("content-type", mediaType.description) }
      head.contentLength = UInt64(content.count)
      head.fields.append("content-length", String(content.count))
    }
    head.fields.append(name: "date".utf8.span, value: dateText().span)
    let hasContent = !content.isEmpty && server.exchanges[exchange].head.method != .head
    server.respond(exchange, head, endsStream: !hasContent)
    if hasContent {
      var queue = ByteQueue()
      queue.append(content.span)
      server.write(exchange, taking: &queue)
      server.finish(exchange, trailers: FieldSection())
    }
    // What the client still sends is taken and dropped, so that it can read the answer.
    server.takeContent(exchange, into: &passages[passage].content)
    passages[passage].content.drop(passages[passage].content.count)
    weighCollected(passage, 0)
  }

  /// Pages of configured origins may read what we say ourselves (Fetch §3.2).
  func appendCrossOrigin(_ exchange: Handle, to head: inout ResponseHead) {
    guard let origin = snapshot.policy.corsOrigin(of: server.exchanges[exchange].head) else { return }
    head.fields.append("access-control-allow-origin", server.exchanges[exchange].head.fields.string(origin))
    head.fields.append("access-control-allow-credentials", "true")
    head.fields.append("access-control-expose-headers", "www-authenticate, retry-after, grpc-status, grpc-message")
    head.fields.append("vary", "origin")
  }
}

extension [UInt8] {
  /// All but unreserved characters (RFC 3986 §2.3) and `/` is encoded.
  fileprivate mutating func append(percentEncoded byte: UInt8) {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
      UInt8(ascii: "/"):
      append(byte)
    default:
      append(UInt8(ascii: "%"))
      append(Self.digit(byte >> 4))
      append(Self.digit(byte & 15))
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 55 + value }
}
