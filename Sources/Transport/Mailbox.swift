internal import CLinux
internal import Glibc
internal import Synchronization

/// How other threads reach a loop: messages in order, and a descriptor that becomes readable when there are some.
public final class Mailbox<Message: Sendable>: Sendable {
  private let messages = Mutex<[Message]>([])
  private let signal: WakeUp

  public init() throws(Errno) { signal = try WakeUp() }

  /// To be watched for reading by the loop.
  public var descriptor: CInt { signal.descriptor }

  public func post(_ message: Message) {
    let isFirst = messages.withLock { queue in
      queue.append(message)
      return queue.count == 1
    }
    if isFirst { signal.send() }
  }

  public func takeAll() -> [Message] {
    signal.clear()
    return messages.withLock { queue in
      var taken: [Message] = []
      swap(&taken, &queue)
      return taken
    }
  }
}

/// An eventfd(2).
final class WakeUp: Sendable {
  private let eventDescriptor: FileDescriptor

  init() throws(Errno) {
    let number = eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC))
    guard number >= 0 else { throw .last }
    eventDescriptor = FileDescriptor(owning: number)
  }

  var descriptor: CInt { eventDescriptor.number }

  func send() {
    var one: UInt64 = 1
    _ = unsafe write(eventDescriptor.number, &one, 8)
  }

  func clear() {
    var count: UInt64 = 0
    _ = unsafe read(eventDescriptor.number, &count, 8)
  }
}
