import Glibc
import Synchronization

/// The writer could not be set up: the system's error number and the call that gave it.
public struct LineWriterFailure: Error, Equatable {
  public var call: String
  public var errorNumber: Int32
}

/// Carries lines to a descriptor so that no loop ever waits for it.
///
/// Lines go into a bounded buffer; a thread of its own writes them. When the descriptor stalls and the buffer is full,
/// whole batches are dropped and their lines counted. Memory: at most twice `capacityBytes`, half of it being written.
public final class LineWriter: Sendable {
  private struct State {
    var pending: [UInt8] = []
    var isThreadAwake = false
    var isClosed = false
    var droppedLineCount: Int64 = 0
  }

  /// A buffer that a burst made larger is given back afterwards.
  private static let keptCapacityBytes = 64 * 1024

  private let state = Mutex(State())
  private let descriptor: Int32
  private let capacityBytes: Int
  private let coalescing: Duration
  /// One byte in this pipe wakes the thread.
  private let wakeReader: Int32
  private let wakeWriter: Int32
  /// The thread closes `doneWriter` when it ends: `doneReader` then reports a hang-up.
  private let doneReader: Int32
  private let doneWriter: Int32

  /// - Parameters:
  ///   - descriptor: stays open and stays the caller's.
  ///   - capacityBytes: lines beyond it are dropped. Default 1 MiB.
  ///   - coalescing: how long lines may lie before they are written, so that a busy process wakes the thread
  ///     a hundred times a second and not once a request.
  public init(
    descriptor: Int32, capacityBytes: Int = 1 << 20, coalescing: Duration = .zero
  ) throws(LineWriterFailure) {
    self.descriptor = descriptor
    self.capacityBytes = capacityBytes
    self.coalescing = coalescing
    (wakeReader, wakeWriter) = try makePipe()
    _ = fcntl(wakeWriter, F_SETFL, O_NONBLOCK)
    do throws(LineWriterFailure) {
      (doneReader, doneWriter) = try makePipe()
    } catch {
      closeAll(wakeReader, wakeWriter)
      throw error
    }
    do throws(LineWriterFailure) {
      try startThread()
    } catch {
      _ = Glibc.close(doneWriter)
      throw error
    }
  }

  deinit { closeAll(wakeReader, wakeWriter, doneReader) }

  /// Lines that found no room, or that the descriptor refused.
  public var droppedLineCount: Int64 { state.withLock { $0.droppedLineCount } }

  /// Hands over whole lines, each ending in LF. Never blocks; returns false if they were dropped.
  @discardableResult
  public func append(_ lines: Span<UInt8>, lineCount: Int) -> Bool {
    enum Outcome { case dropped, buffered, mustWake }
    let outcome = state.withLock { state -> Outcome in
      guard !state.isClosed, lines.count <= capacityBytes - state.pending.count else {
        state.droppedLineCount &+= Int64(lineCount)
        return .dropped
      }
      unsafe lines.withUnsafeBufferPointer { bytes in unsafe state.pending.append(contentsOf: bytes) }
      guard !state.isThreadAwake else { return .buffered }
      state.isThreadAwake = true
      return .mustWake
    }
    if outcome == .mustWake { wake() }
    return outcome != .dropped
  }

  /// Takes no more lines, writes what is buffered and returns true; false if the descriptor did not take it in time.
  @discardableResult
  public func close(within limit: Duration) -> Bool {
    state.withLock { $0.isClosed = true }
    wake()
    let parts = limit.components
    let milliseconds =
      parts.seconds > 1_000_000 ? 1_000_000_000 : parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
    var end = pollfd(fd: doneReader, events: 0, revents: 0)
    return unsafe poll(&end, 1, Int32(clamping: milliseconds)) == 1
  }

  private func wake() {
    var byte: UInt8 = 0
    // A full pipe means that the thread has wakes enough before it.
    _ = unsafe write(wakeWriter, &byte, 1)
  }

  // MARK: The thread

  private func startThread() throws(LineWriterFailure) {
    var thread = pthread_t()
    let reference = unsafe Unmanaged.passRetained(self)
    // Signals are the control loop's business; SIGPIPE blocked here makes a closed pipe an ordinary EPIPE. The mask is
    // inherited, so it is set around the creation.
    var all = sigset_t()
    var before = sigset_t()
    _ = unsafe sigfillset(&all)
    _ = unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    let result = unsafe pthread_create(
      &thread, nil,
      { argument in
        // The retained reference that `startThread` passed: it keeps the writer until its thread has ended.
        guard let argument = unsafe argument else { return nil }
        let writer = unsafe Unmanaged<LineWriter>.fromOpaque(argument).takeRetainedValue()
        writer.run()
        return nil
      }, reference.toOpaque())
    _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    guard result == 0 else {
      unsafe reference.release()
      throw LineWriterFailure(call: "pthread_create", errorNumber: result)
    }
    pthread_detach(thread)
  }

  private func run() {
    var batch: [UInt8] = []
    var endsWithinLine = false
    var isClosed = false
    while !isClosed {
      waitForWake()
      while true {
        batch.removeAll(keepingCapacity: true)
        if batch.capacity > Self.keptCapacityBytes { batch = [] }
        let isEmpty = state.withLock { state -> Bool in
          swap(&state.pending, &batch)
          if batch.isEmpty {
            state.isThreadAwake = false
            isClosed = state.isClosed
          }
          return batch.isEmpty
        }
        if isEmpty { break }
        writeOut(batch, endsWithinLine: &endsWithinLine)
      }
    }
    _ = Glibc.close(doneWriter)
  }

  private func waitForWake() {
    var bytes: [UInt8] = Array(repeating: 0, count: 16)
    while unsafe read(wakeReader, &bytes, bytes.count) < 0, errno == EINTR {}
    let parts = coalescing.components
    guard coalescing > .zero, !state.withLock({ $0.isClosed }) else { return }
    var pause = timespec(tv_sec: Int(parts.seconds), tv_nsec: Int(parts.attoseconds / 1_000_000_000))
    _ = unsafe nanosleep(&pause, nil)
  }

  /// Blocks as long as the descriptor does. What it refuses is dropped; the next batch first ends a line that was cut.
  private func writeOut(_ batch: [UInt8], endsWithinLine: inout Bool) {
    if endsWithinLine {
      var lineFeed: UInt8 = 0x0A
      if unsafe write(descriptor, &lineFeed, 1) == 1 { endsWithinLine = false }
    }
    var written = 0
    while written < batch.count {
      let result = unsafe batch.withUnsafeBytes { bytes in
        unsafe write(descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if result > 0 {
        written += result
        continue
      }
      if result < 0, errno == EINTR { continue }
      if result < 0, errno == EAGAIN {
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&ready, 1, -1)
        continue
      }
      let lost = batch[written...].reduce(0) { $1 == 0x0A ? $0 + 1 : $0 }
      endsWithinLine = endsWithinLine || (written > 0 && batch[written - 1] != 0x0A)
      state.withLock { $0.droppedLineCount &+= Int64(lost) }
      return
    }
  }
}

private func makePipe() throws(LineWriterFailure) -> (reader: Int32, writer: Int32) {
  var ends: [Int32] = [-1, -1]
  guard unsafe pipe(&ends) == 0 else { throw LineWriterFailure(call: "pipe", errorNumber: errno) }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}

private func closeAll(_ descriptors: Int32...) {
  for descriptor in descriptors { _ = close(descriptor) }
}
