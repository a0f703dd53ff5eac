internal import CHiredis
internal import Transport

/// An answer of the server's (RESP 2).
enum RedisReply: Equatable, Sendable {
  case status(String)
  /// Its first word, as `NOAUTH`: what follows may name keys.
  case error(code: String)
  case integer(Int64)
  case bulk([UInt8])
  case array([RedisReply])
  case null

  var bytes: [UInt8]? {
    switch self {
    case .bulk(let bytes): bytes
    case .status(let text): Array(text.utf8)
    default: nil
    }
  }

  var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  var integer: Int64? {
    switch self {
    case .integer(let integer): integer
    case .bulk, .status: text.flatMap { Int64($0) }
    default: nil
    }
  }

  var elements: [RedisReply]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }
}

/// What the server sent is no answer, or larger than any of ours.
struct RedisProtocolError: Error {}

/// Owns one of hiredis' reply readers.
@safe struct RedisReplyReader: ~Copyable {
  /// Bytes of answers that are not complete yet.
  static let maximumBytes = 64 << 20

  private let reader: UnsafeMutablePointer<redisReader>
  private var pendingCount: Int

  init() throws(RedisProtocolError) {
    guard let reader = unsafe redisReaderCreate() else { throw RedisProtocolError() }
    unsafe self.reader = unsafe reader
    pendingCount = 0
  }

  deinit { unsafe redisReaderFree(reader) }

  mutating func feed(_ bytes: Span<UInt8>) throws(RedisProtocolError) {
    pendingCount += bytes.count
    guard pendingCount <= Self.maximumBytes else { throw RedisProtocolError() }
    let reader = unsafe reader
    let code = unsafe bytes.withUnsafeBytes { content in
      unsafe redisReaderFeed(reader, content.bindMemory(to: CChar.self).baseAddress, content.count)
    }
    guard code == REDIS_OK else { throw RedisProtocolError() }
  }

  /// The next whole answer; nil while it is not complete.
  mutating func next() throws(RedisProtocolError) -> RedisReply? {
    var object: UnsafeMutableRawPointer?
    guard unsafe redisReaderGetReply(reader, &object) == REDIS_OK else { throw RedisProtocolError() }
    guard let object = unsafe object else { return nil }
    defer { unsafe freeReplyObject(object) }
    pendingCount = unsafe reader.pointee.len - reader.pointee.pos
    return unsafe Self.reply(object.assumingMemoryBound(to: redisReply.self))
  }

  private static func reply(_ object: UnsafePointer<redisReply>) -> RedisReply {
    switch unsafe object.pointee.type {
    case REDIS_REPLY_STATUS: unsafe .status(String(decoding: bytes(object), as: UTF8.self))
    case REDIS_REPLY_ERROR:
      unsafe .error(
        code: String(decoding: bytes(object).prefix { (0x41...0x5A).contains($0) }.prefix(24), as: UTF8.self))
    case REDIS_REPLY_INTEGER: unsafe .integer(Int64(object.pointee.integer))
    case REDIS_REPLY_STRING: unsafe .bulk(bytes(object))
    case REDIS_REPLY_ARRAY:
      unsafe .array(
        (0..<object.pointee.elements).map { index in
          guard let element = unsafe object.pointee.element[index] else { return .null }
          return unsafe reply(element)
        })
    default: .null
    }
  }

  private static func bytes(_ object: UnsafePointer<redisReply>) -> [UInt8] {
    unsafe [UInt8](UnsafeRawBufferPointer(start: object.pointee.str, count: object.pointee.len))
  }
}

/// One word of a command.
struct RedisWord: Sendable, ExpressibleByStringLiteral {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: String) { bytes = Array(text.utf8) }
  init(_ integer: Int64) { bytes = Array("\(integer)".utf8) }
  init(_ time: StoredTime) { self.init(time.seconds) }
  init(stringLiteral text: String) { self.init(text) }
}

extension ByteQueue {
  /// Appends a command as hiredis writes it. Words are bytes with a length: nothing in them is ever syntax.
  mutating func append(_ command: [RedisWord]) throws(RedisProtocolError) {
    var content: [UInt8] = []
    for word in command { content += word.bytes }
    // Of nothing there is no address.
    content.append(0)
    let lengths = command.map(\.bytes.count)
    var formatted: UnsafeMutablePointer<CChar>?
    let count = unsafe content.withUnsafeBytes { bytes in
      var words: [UnsafePointer<CChar>?] = unsafe []
      var start = 0
      for length in lengths {
        unsafe words.append(bytes.bindMemory(to: CChar.self).baseAddress.map { unsafe $0 + start })
        start += length
      }
      return unsafe redisFormatCommandArgv(&formatted, CInt(clamping: lengths.count), &words, lengths)
    }
    guard count > 0, let formatted = unsafe formatted else { throw RedisProtocolError() }
    defer { unsafe redisFreeCommand(formatted) }
    unsafe UnsafeRawBufferPointer(start: formatted, count: Int(count)).withMemoryRebound(to: UInt8.self) {
      unsafe append($0.span)
    }
  }
}
