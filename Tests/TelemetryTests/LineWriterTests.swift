import Foundation
import Glibc
import Testing

@testable import Telemetry

@Suite struct LineWriterTests {
  @Test func `lines of several threads arrive whole and each thread's in order`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer)
    let threads = (0..<4).map { number in
      Thread {
        for index in 0..<500 { writer.append(Array("\(number) \(index)\n".utf8).span, lineCount: 1) }
      }
    }
    for thread in threads { thread.start() }
    let lines = pipe.readLines(2000)
    #expect(lines.count == 2000)
    for number in 0..<4 {
      #expect(lines.filter { $0.hasPrefix("\(number) ") } == (0..<500).map { "\(number) \($0)" })
    }
    #expect(writer.close(within: .seconds(10)))
    #expect(writer.droppedLineCount == 0)
  }

  @Test func `a stalled descriptor costs lines, never time, and every lost line is counted`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer, capacityBytes: 4096)
    let line = Array((String(repeating: "x", count: 99) + "\n").utf8)
    var offered = 0
    // The pipe holds 64 KiB, the writer 8 KiB more: without a drop this loop would not end.
    while writer.droppedLineCount < 50 {
      writer.append(line.span, lineCount: 1)
      offered += 1
    }
    let arrived = pipe.readLines(offered - Int(writer.droppedLineCount))
    #expect(arrived.allSatisfy { $0.count == 99 })
    #expect(writer.close(within: .seconds(10)))
    #expect(arrived.count + Int(writer.droppedLineCount) == offered)
  }

  @Test func `closing writes what is buffered`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer, coalescing: .milliseconds(1))
    for index in 0..<100 { writer.append(Array("\(index)\n".utf8).span, lineCount: 1) }
    #expect(writer.close(within: .seconds(10)))
    #expect(pipe.readLines(100) == (0..<100).map { "\($0)" })
  }

  @Test func `after closing lines are refused and counted`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer)
    #expect(writer.close(within: .seconds(10)))
    let line: [UInt8] = [0x61, 0x0A]
    let isTaken = writer.append(line.span, lineCount: 1)
    #expect(!isTaken)
    #expect(writer.droppedLineCount == 1)
  }

  @Test func `closing does not wait longer than told for a descriptor that stalls`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer)
    let batch = [UInt8](repeating: 0x0A, count: 200_000)
    writer.append(batch.span, lineCount: batch.count)
    #expect(!writer.close(within: .milliseconds(1)))
    #expect(pipe.readLines(200_000).isEmpty)
    #expect(writer.close(within: .seconds(10)))
  }

  @Test func `a closed far end is no signal and no end of the process`() throws {
    var ends: [Int32] = [-1, -1]
    #expect(unsafe Glibc.pipe(&ends) == 0)
    close(ends[0])
    let writer = try LineWriter(descriptor: ends[1])
    writer.append(Array("a\nb\n".utf8).span, lineCount: 2)
    #expect(writer.close(within: .seconds(10)))
    #expect(writer.droppedLineCount == 2)
    close(ends[1])
  }

  @Test func `a descriptor that is set to non-blocking loses nothing`() throws {
    let pipe = TestPipe()
    _ = fcntl(pipe.writer, F_SETFL, O_NONBLOCK)
    let writer = try LineWriter(descriptor: pipe.writer)
    let batch = [UInt8](repeating: 0x0A, count: 200_000)
    writer.append(batch.span, lineCount: batch.count)
    var count = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while count < batch.count { count += unsafe read(pipe.reader, &buffer, buffer.count) }
    #expect(writer.close(within: .seconds(10)))
    #expect(count == batch.count)
    #expect(writer.droppedLineCount == 0)
  }
}
