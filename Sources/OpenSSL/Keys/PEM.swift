internal import COpenSSL

/// Answers the library's question for a passphrase with a failure; without it OpenSSL would ask on the terminal.
let refusePassphrase: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 =
  { _, _, _, _ in -1 }

/// Owns a `BIO` with a copy of some bytes, to be read.
@safe struct MemoryInput: ~Copyable {
  let pointer: OpaquePointer

  init(_ content: Span<UInt8>) throws(KeyFailure) {
    guard let count = Int32(exactly: content.count) else { throw .malformed }
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { throw .libraryFailed }
    let written = unsafe content.withUnsafeBufferPointer { content in unsafe BIO_write(bio, content.baseAddress, count)
    }
    guard written == count || count == 0 else {
      unsafe BIO_free(bio)
      throw .libraryFailed
    }
    unsafe pointer = bio
  }

  deinit { unsafe BIO_free(pointer) }
}

/// Owns a `BIO` that gathers what the library writes.
@safe struct MemoryOutput: ~Copyable {
  let pointer: OpaquePointer

  init() throws(KeyFailure) {
    guard let bio = unsafe BIO_new(BIO_s_secmem()) else { throw .libraryFailed }
    unsafe pointer = bio
  }

  deinit { unsafe BIO_free(pointer) }

  func bytes() -> [UInt8] {
    let count = unsafe BIO_ctrl_pending(pointer)
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      initialised = max(0, Int(unsafe BIO_read(pointer, buffer.baseAddress, Int32(clamping: count))))
    }
  }
}
