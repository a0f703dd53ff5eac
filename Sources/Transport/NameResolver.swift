internal import CLinux
internal import Glibc
internal import Synchronization

/// getaddrinfo(3) on a thread of its own, one question at a time: the loops never block on a name.
public final class NameResolver: Sendable {
  public enum Failure: Error, Equatable, Sendable {
    /// The text of gai_strerror(3).
    case notResolved(String)
    case tooManyQuestions
  }

  public typealias Answer = @Sendable (Result<[SocketAddress], Failure>) -> Void

  private struct Question {
    var host: String
    var port: UInt16
    var answer: Answer
  }

  /// Questions beyond this are refused.
  static let waitingCount = 256

  private let questions = Mutex<[Question]>([])
  private let semaphore: Semaphore

  public init() throws(Errno) {
    let semaphore = Semaphore()
    self.semaphore = semaphore
    _ = try Thread(named: "resolver") { [weak self] in
      while true {
        semaphore.wait()
        guard let self else { return }
        guard let question = self.questions.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { continue }
        question.answer(Self.resolve(question.host, question.port))
      }
    }
  }

  deinit { semaphore.signal() }

  /// `answer` is called on the resolver's thread; an address literal is answered at once on the caller's.
  public func resolve(_ host: String, port: UInt16, _ answer: @escaping Answer) {
    if let literal = SocketAddress(literal: host, port: port) {
      answer(.success([literal]))
      return
    }
    let accepted = questions.withLock { queue in
      guard queue.count < Self.waitingCount else { return false }
      queue.append(Question(host: host, port: port, answer: answer))
      return true
    }
    if accepted { semaphore.signal() } else { answer(.failure(.tooManyQuestions)) }
  }

  /// Blocks; for start-up and the resolver's own thread.
  public static func resolve(_ host: String, _ port: UInt16) -> Result<[SocketAddress], Failure> {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, nil, &hints, &list)
    guard code == 0, unsafe list != nil else {
      return unsafe .failure(.notResolved(String(cString: gai_strerror(code))))
    }
    defer { unsafe freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var entry = unsafe list
    while let current = unsafe entry {
      var storage = sockaddr_storage()
      let length = Int(unsafe min(current.pointee.ai_addrlen, socklen_t(MemoryLayout<sockaddr_storage>.size)))
      unsafe withUnsafeMutableBytes(of: &storage) { target in
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: current.pointee.ai_addr, count: length))
      }
      if let address = SocketAddress(storage) {
        addresses.append(SocketAddress(family: address.family, high: address.high, low: address.low, port: port, scope: address.scope))
      }
      unsafe entry = current.pointee.ai_next
    }
    return addresses.isEmpty ? .failure(.notResolved("no address")) : .success(addresses)
  }
}

/// A counting semaphore at a stable address.
final class Semaphore: Sendable {
  private let pending = Mutex(0)
  private let wakeUp: WakeUp?

  init() { wakeUp = try? WakeUp() }

  func signal() {
    pending.withLock { $0 += 1 }
    wakeUp?.send()
  }

  func wait() {
    while true {
      let taken = pending.withLock { count in
        if count > 0 {
          count -= 1
          return true
        }
        return false
      }
      if taken { return }
      guard let wakeUp else { return }
      var polled = pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0)
      _ = unsafe poll(&polled, 1, -1)
      wakeUp.clear()
    }
  }
}
