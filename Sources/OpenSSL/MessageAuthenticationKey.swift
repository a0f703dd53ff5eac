internal import COpenSSL

/// An HMAC key (RFC 2104) for one hash function, its key schedule computed once.
///
/// `@unchecked Sendable`: the context is initialised in `init` and from then on only duplicated, which reads it; every
/// computation runs in a duplicate of its own.
@safe public final class MessageAuthenticationKey: @unchecked Sendable {
  public let hash: HashFunction
  private let template: OpaquePointer

  /// - Parameter secret: at least one byte; how many are enough is the caller's policy (RFC 7518 §3.2: the hash's
  ///   size).
  /// - Throws: `malformed` for an empty secret.
  public init(secret: Span<UInt8>, hash: HashFunction) throws(KeyFailure) {
    guard !secret.isEmpty else { throw .malformed }
    self.hash = hash
    let context: OpaquePointer? = unsafe withEmptyErrorQueue {
      guard let mac = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else { return nil }
      defer { unsafe EVP_MAC_free(mac) }
      guard let context = unsafe EVP_MAC_CTX_new(mac) else { return nil }
      let initialised = unsafe secret.withUnsafeBufferPointer { secret in
        unsafe EVP_MD_get0_name(hash.method.pointer).map { name in
          // An array, not a tuple: a pointer to a tuple's first element says nothing about the second, and the optimiser
          // then leaves the end of the list out.
          let parameters = unsafe [
            OSSL_PARAM_construct_utf8_string(lasting("digest"), UnsafeMutablePointer(mutating: name), 0),
            OSSL_PARAM_construct_end(),
          ]
          return unsafe parameters.withUnsafeBufferPointer { list in
            unsafe EVP_MAC_init(context, secret.baseAddress, secret.count, list.baseAddress)
          }
        }
      }
      guard initialised == 1 else {
        unsafe EVP_MAC_CTX_free(context)
        return nil
      }
      return unsafe context
    }
    guard let context = unsafe context else { throw .libraryFailed }
    unsafe template = context
  }

  deinit { unsafe EVP_MAC_CTX_free(template) }

  /// The untruncated tag of `content`.
  public func tag(over content: Span<UInt8>) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: hash.digestBytes) { buffer, count in
      unsafe write(tagOver: content, to: buffer)
      count = hash.digestBytes
    }
  }

  /// True for the untruncated tag of `content`; compared in constant time.
  public func isValid(tag: Span<UInt8>, over content: Span<UInt8>) -> Bool {
    guard tag.count == hash.digestBytes else { return false }
    var storage = HashFunction.DigestStorage(repeating: 0)
    var mutableSpan = storage.mutableSpan
    unsafe mutableSpan.withUnsafeMutableBufferPointer { buffer in
      unsafe write(tagOver: content, to: buffer)
    }
    return isEqualInConstantTime(storage.span.extracting(first: hash.digestBytes), tag)
  }

  private func write(tagOver content: Span<UInt8>, to output: UnsafeMutableBufferPointer<UInt8>) {
    let written = withEmptyErrorQueue {
      guard let context = unsafe EVP_MAC_CTX_dup(template) else { return false }
      defer { unsafe EVP_MAC_CTX_free(context) }
      var count = 0
      return unsafe content.withUnsafeBufferPointer { content in
        unsafe EVP_MAC_update(context, content.baseAddress, content.count) == 1
          && EVP_MAC_final(context, output.baseAddress, &count, output.count) == 1
      }
    }
    // A duplicate of a context that was initialised fails for nothing else.
    guard written else { fatalError("out of memory") }
  }
}
