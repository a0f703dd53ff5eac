internal import JOSE

/// What one of our endpoints answers. Frontends parse the content strictly: exactly the members of the table, no more.
///
/// Method (405), media type (415), size (413), the credential and CORS are the caller's business, before it asks.
public struct EndpointAnswer: Sendable {
  public let status: UInt16
  /// Of the content.
  public let mediaType: StaticString
  public let content: [UInt8]
  /// Nil for success.
  public let reason: LoginReason?
  /// `Cache-Control` (RFC 9111 §5.2): only keys may be kept.
  public let cacheControl: StaticString
  /// `Retry-After` (RFC 9110 §10.2.3), if there is one.
  public let retryAfter: Duration?
  /// `Set-Cookie`; empty for none.
  public let setCookie: [UInt8]

  init(
    _ content: JSONWriter, mediaType: StaticString = "application/json", reason: LoginReason? = nil,
    retryAfter: Duration = .seconds(1), cacheControl: StaticString = "no-store",
    setCookie: [UInt8] = []
  ) {
    self.content = content.bytes
    self.mediaType = mediaType
    self.reason = reason
    self.cacheControl = cacheControl
    self.setCookie = setCookie
    status = reason?.status ?? 200
    self.retryAfter = reason == .rateLimited ? max(retryAfter, .seconds(1)) : nil
  }

  private init(status: UInt16, setCookie: [UInt8]) {
    self.status = status
    mediaType = ""
    content = []
    reason = nil
    cacheControl = "no-store"
    retryAfter = nil
    self.setCookie = setCookie
  }

  /// 204: what was asked for was done, and there is nothing to say.
  static func done(setCookie: [UInt8]) -> EndpointAnswer { EndpointAnswer(status: 204, setCookie: setCookie) }

  /// An endpoint that the policy should not have let through: a bug.
  public static var notServed: EndpointAnswer { refusal(.internalError, "Internal server error") }

  /// `{"error": text}`
  static func refusal(_ reason: LoginReason, _ text: String, retryAfter: Duration = .seconds(1)) -> EndpointAnswer {
    var content = JSONWriter()
    content.beginObject()
    content.member("error", text)
    content.endObject()
    return EndpointAnswer(content, reason: reason, retryAfter: retryAfter)
  }
}
