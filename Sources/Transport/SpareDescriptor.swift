/// One descriptor kept back for when there are no others: it is let go, and what must not wait can have one.
public struct SpareDescriptor: ~Copyable, Sendable {
  private var kept: FileDescriptor?

  public init() { refill() }

  /// False if it is not there.
  public mutating func letGo() -> Bool {
    guard kept != nil else { return false }
    kept = nil
    return true
  }

  /// Keeps one back again, if there is one.
  public mutating func refill() {
    guard kept == nil else { return }
    // A socket needs no file system, which may hold nothing but the binary.
    kept = try? Listener.socket(.unix)
  }
}
