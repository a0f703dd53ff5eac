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
