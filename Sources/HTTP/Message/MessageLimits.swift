/// What one message may cost before it is understood. The same numbers hold for both codecs.
public struct MessageLimits: Equatable, Sendable {
  /// Bytes of one header or trailer section: names, values and 32 a field (RFC 9113 §6.5.2). Default 65,536.
  /// Above: 431 `header_section_too_large`.
  public var headerSectionBytes: Int
  /// Field lines of one section. Default 256. Above: 431 `header_section_too_large`.
  public var fieldCount: Int
  /// Bytes of the request line without its line end. Default 16,384. Above: 414 `request_line_too_large`.
  public var requestLineBytes: Int

  public init(headerSectionBytes: Int = 65_536, fieldCount: Int = 256, requestLineBytes: Int = 16_384) {
    self.headerSectionBytes = headerSectionBytes
    self.fieldCount = fieldCount
    self.requestLineBytes = requestLineBytes
  }
}
