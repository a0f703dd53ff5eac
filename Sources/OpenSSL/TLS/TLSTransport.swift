internal import COpenSSL

/// The two byte queues between a TLS session and its caller, as a `BIO` of our own: unlike OpenSSL's memory BIO they
/// give their memory back when they are empty.
@safe final class TLSTransport {
  /// Ciphertext from the peer that the session has not taken yet, from `position` on.
  private var input: [UInt8] = []
  private var position = 0
  /// Ciphertext for the peer.
  private var output: [UInt8] = []

  func receive(_ ciphertext: Span<UInt8>) {
    unsafe ciphertext.withUnsafeBufferPointer { ciphertext in unsafe input.append(contentsOf: ciphertext) }
  }

  /// Moves the output to the end of `bytes`.
  func takeOutput(into bytes: inout [UInt8]) {
    if bytes.isEmpty {
      swap(&bytes, &output)
    } else {
      bytes.append(contentsOf: output)
    }
    Self.empty(&output)
  }

  var hasOutput: Bool { !output.isEmpty }

  private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, input.count - position)
    guard count > 0 else { return 0 }
    unsafe input.withUnsafeBytes { bytes in
      unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
    }
    position += count
    if position == input.count {
      Self.empty(&input)
      position = 0
    }
    return count
  }

  /// An idle session keeps at most 2 KiB a direction: enough for small messages to need no allocation.
  private static func empty(_ queue: inout [UInt8]) { queue.removeAll(keepingCapacity: queue.capacity <= 2048) }

  private func write(_ buffer: UnsafeRawBufferPointer) { unsafe output.append(contentsOf: buffer) }

  /// A new `BIO` over this transport, owned by the caller; the transport must outlive it.
  func makeBIO() -> OpaquePointer? {
    guard let method = unsafe Self.method.pointer, let bio = unsafe BIO_new(method) else { return nil }
    unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
    unsafe BIO_set_init(bio, 1)
    return unsafe bio
  }

  /// The `BIO_METHOD`, made once and never changed: every thread may read it.
  @safe private struct Method: @unchecked Sendable {
    let pointer: OpaquePointer?

    init() {
      unsafe pointer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "TLSTransport")
      guard let method = unsafe pointer else { return }
      unsafe BIO_meth_set_read(method) { bio, bytes, count in
        guard let bio = unsafe bio, let transport = unsafe TLSTransport.of(bio), let bytes = unsafe bytes else {
          return -1
        }
        unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)
        let buffer = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: Int(max(0, count)))
        let taken = unsafe transport.read(into: buffer)
        guard taken > 0 else {
          unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
          return -1
        }
        return Int32(taken)
      }
      unsafe BIO_meth_set_write(method) { bio, bytes, count in
        guard let bio = unsafe bio, let transport = unsafe TLSTransport.of(bio), let bytes = unsafe bytes, count > 0
        else {
          return -1
        }
        unsafe transport.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return count
      }
      unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    }
  }

  private static let method = Method()

  private static func of(_ bio: OpaquePointer) -> TLSTransport? {
    unsafe BIO_get_data(bio).map { unsafe Unmanaged<TLSTransport>.fromOpaque($0).takeUnretainedValue() }
  }
}
