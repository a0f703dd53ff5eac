internal import COpenSSL

/// The SHA-2 functions of RFC 7518.
public enum HashFunction: UInt8, CaseIterable, Sendable {
  case sha256, sha384, sha512

  /// Bytes of a digest: 32, 48 or 64.
  public var digestBytes: Int {
    switch self {
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  /// The digest of `content`. Traps only where Swift's own allocations do: when memory is exhausted.
  public func digest(of content: Span<UInt8>) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: digestBytes) { buffer, count in
      unsafe write(digestOf: content, to: buffer.baseAddress)
      count = digestBytes
    }
  }

  /// Appends the digest of `content` to `output`.
  public func digest(of content: Span<UInt8>, appendingTo output: inout [UInt8]) {
    var storage = DigestStorage(repeating: 0)
    digest(of: content, into: &storage)
    let digest = storage.span.extracting(first: digestBytes)
    for index in digest.indices { output.append(digest[index]) }
  }

  /// Room for the longest digest, on the stack.
  typealias DigestStorage = InlineArray<64, UInt8>

  func digest(of content: Span<UInt8>, into storage: inout DigestStorage) {
    var span = storage.mutableSpan
    unsafe span.withUnsafeMutableBufferPointer { buffer in
      unsafe write(digestOf: content, to: buffer.baseAddress)
    }
  }

  private func write(digestOf content: Span<UInt8>, to output: UnsafeMutablePointer<UInt8>?) {
    let written = unsafe content.withUnsafeBufferPointer { buffer in
      unsafe EVP_Digest(buffer.baseAddress, buffer.count, output, nil, method.pointer, nil)
    }
    // A fetched digest of content in memory fails for nothing else, and there is no digest to go on with.
    guard written == 1 else { fatalError("out of memory") }
  }

  /// The library's implementation, fetched once for the process: a fetch costs as much as hashing a short token.
  var method: DigestMethod {
    switch self {
    case .sha256: .sha256
    case .sha384: .sha384
    case .sha512: .sha512
    }
  }
}

/// The digest of the WebSocket handshake (RFC 6455 §4.2.2), which proves nothing but that its reader read it.
public enum HandshakeDigest {
  /// SHA-1, 20 bytes.
  public static func sha1(of content: Span<UInt8>) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 20) { buffer, count in
      let written = unsafe content.withUnsafeBufferPointer { bytes in
        unsafe EVP_Digest(bytes.baseAddress, bytes.count, buffer.baseAddress, nil, DigestMethod.sha1.pointer, nil)
      }
      // As in `write(digestOf:to:)`.
      guard written == 1 else { fatalError("out of memory") }
      count = 20
    }
  }
}

/// A fetched `EVP_MD`. The values live as long as the process and are never changed, which is why the pointer may
/// be read by every thread.
@safe struct DigestMethod: @unchecked Sendable {
  let pointer: OpaquePointer

  private init(_ name: StaticString) {
    let fetched = unsafe EVP_MD_fetch(nil, lasting(name), nil)
    // The default provider has had SHA-2 since there are providers: without it the installation is broken.
    guard let fetched = unsafe fetched else { fatalError("OpenSSL has no \(name)") }
    unsafe pointer = fetched
  }

  static let sha256 = DigestMethod("SHA2-256")
  static let sha384 = DigestMethod("SHA2-384")
  static let sha512 = DigestMethod("SHA2-512")
  static let sha1 = DigestMethod("SHA1")
}
