internal import COpenSSL

/// Runs one operation of the library with this thread's error queue empty before it and after it.
///
/// What an earlier call left behind would otherwise be read as the reason of this one, and what this one leaves behind
/// would be read by the next TLS session on the thread.
@inline(__always)
func withEmptyErrorQueue<Result: ~Copyable, Failure: Error>(
  _ operation: () throws(Failure) -> Result
) throws(Failure) -> Result {
  ERR_clear_error()
  defer { ERR_clear_error() }
  return try operation()
}

/// The C string of a literal, which lasts as long as the process. A `String` passed to C lives only for the call, and
/// parameter lists of OpenSSL remember names and values by address.
@inline(__always)
func lasting(_ literal: StaticString) -> UnsafePointer<CChar> {
  unsafe UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}
