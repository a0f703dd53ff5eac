internal import COpenSSL

/// Bytes of the library's private random generator, fit for keys and identifiers.
///
/// - Throws: `libraryFailed` when the generator cannot be seeded; nothing predictable is ever returned.
public func randomBytes(_ count: Int) throws(KeyFailure) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: max(0, count))
  let written = withEmptyErrorQueue {
    unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      unsafe RAND_priv_bytes_ex(nil, buffer.baseAddress, buffer.count, 0)
    }
  }
  guard bytes.isEmpty || written == 1 else { throw .libraryFailed }
  return bytes
}

/// Equality whose duration depends on the counts only, not on where the contents differ.
public func isEqualInConstantTime(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  return unsafe left.withUnsafeBufferPointer { left in
    unsafe right.withUnsafeBufferPointer { right in
      unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
    }
  }
}
