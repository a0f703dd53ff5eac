import Foundation
import Testing

@testable import Telemetry

@Suite struct EventLogTests {
  private let moment = Timestamp(unixMilliseconds: 1_767_323_045_678)

  @Test func `an event is one JSON line with its time, level, name and typed members`() throws {
    let line = EventLog.line(
      moment, .warn, "keys_refresh_failed",
      [
        "issuer": "https://idp.example.com/", "attempt": 3, "final": true, "body": .bytes([0xFF, 0x0A, 0x41]),
        "after": .seconds(.milliseconds(1500)), "kid": .null,
      ])
    #expect(line.count { $0 == 0x0A } == 1 && line.last == 0x0A)
    let members = try object(String(decoding: line, as: UTF8.self))
    #expect(members["time"] as? String == "2026-01-02T03:04:05.678Z")
    #expect(members["level"] as? String == "warn")
    #expect(members["event"] as? String == "keys_refresh_failed")
    #expect(members["issuer"] as? String == "https://idp.example.com/")
    #expect(members["attempt"] as? Int == 3)
    #expect(members["final"] as? Bool == true)
    #expect(members["body"] as? String == "\u{FFFD}\nA")
    #expect(members["after"] as? Double == 1.5)
    #expect(members["kid"] is NSNull)
  }

  @Test(arguments: [
    (Duration.zero, 0.0), (.microseconds(1), 0.000001), (.seconds(90), 90), (.milliseconds(-250), -0.25),
    (.seconds(-3), -3),
  ])
  func `durations are numbers of seconds`(duration: Duration, expected: Double) throws {
    let line = EventLog.line(moment, .info, "x", ["d": .seconds(duration)])
    #expect(try object(String(decoding: line, as: UTF8.self))["d"] as? Double == expected)
  }

  @Test func `extreme values neither trap nor break the line`() throws {
    let long = String(repeating: "\u{1}", count: 10_000)
    let line = EventLog.line(
      moment, .info, "x",
      [
        "a": .seconds(.seconds(Int64.min)), "b": .seconds(.seconds(Int64.max)), "c": .integer(.min),
        "d": .init(UInt64.max), "e": "\(long)",
      ])
    let members = try object(String(decoding: line, as: UTF8.self))
    #expect(members["c"] as? Int64 == .min)
    #expect(members["d"] as? Int64 == .max)
    #expect((members["e"] as? String)?.unicodeScalars.count == EventLog.textLimitBytes + 1)
  }

  @Test func `events below the level are not written and their members not computed`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer)
    let moment = moment
    let log = EventLog(writer: writer, level: .warn, now: { moment })
    func unexpected() -> EventLog.Value {
      Issue.record("computed")
      return 0
    }
    log.info("quiet", ["a": unexpected()])
    log.debug("quiet")
    log.error("loud")
    log.warn("louder")
    log.set(level: .debug)
    log.debug("loudest")
    let events = try pipe.readLines(3).map { try object($0)["event"] as? String }
    #expect(events == ["loud", "louder", "loudest"])
    #expect(writer.close(within: .seconds(10)))
  }
}
