import HTTPClient
import Testing
import Transport

@testable import Keys

/// A life cycle whose moments are told in seconds, and whose chance is a fixed one.
struct Life: ~Copyable {
  var cycle: KeyLifeCycle
  var jitter = 0.0

  init(_ timing: KeyTiming = KeyTiming(), isFetched: Bool = true) { cycle = KeyLifeCycle(timing, isFetched: isFetched) }

  /// With keys that arrived at 0 and are fresh for 600 s; due again at 450.
  static func usable() -> Life {
    var life = Life()
    _ = life.at(0, .timeReached)
    _ = life.at(0, .fetched(freshness: nil))
    return life
  }

  mutating func at(_ seconds: Double, _ event: KeyLifeCycle.Event) -> KeyLifeCycle.Actions {
    cycle.receive(event, at: Self.moment(seconds), jitter: jitter)
  }

  var nextEventSeconds: Double { Double(cycle.nextEventAt.nanoseconds) / 1e9 - 1_000_000 }

  static func moment(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: Int64(((seconds + 1_000_000) * 1e9).rounded()))
  }
}

func keyID(_ name: String) -> [UInt8] { Array(name.utf8) }

@Suite struct KeyLifeCycleTests {
  @Test func `a life begins with a fetch`() {
    var life = Life()
    #expect(life.cycle.nextEventAt == .distantPast)
    #expect(life.at(0, .timeReached) == .fetch)
    #expect(life.cycle.state == .waiting)
    #expect(life.at(0.1, .fetched(freshness: nil)) == .releaseWaiting)
    #expect(life.cycle.state == .usable)
  }

  @Test func `while a fetch runs there is no other`() {
    var life = Life()
    _ = life.at(0, .timeReached)
    #expect(life.at(1, .timeReached) == [])
    #expect(life.at(1, .needed(keyID: nil)) == .wait)
    #expect(life.at(2, .needed(keyID: keyID("a"))) == .wait)
  }

  @Test(
    arguments: [
      (nil, 600.0), (0, 30), (15, 30), (30, 30), (300, 300), (600, 600), (86_400, 600), (1 << 31, 600),
    ] as [(Int64?, Double)])
  func `freshness is what the answer says, within bounds`(asked: Int64?, granted: Double) {
    for (jitter, share) in [(0.0, 0.75), (1.0, 0.9)] {
      var life = Life()
      life.jitter = jitter
      _ = life.at(0, .timeReached)
      _ = life.at(0, .fetched(freshness: asked.map { .seconds($0) }))
      #expect(abs(life.nextEventSeconds - granted * share) < 0.001)
    }
  }

  @Test func `a refresh shorter than the least freshness is obeyed`() {
    #expect(KeyTiming(refresh: .seconds(2)).freshness(asked: .zero) == .seconds(2))
    #expect(KeyTiming(refresh: .seconds(2)).freshness(asked: nil) == .seconds(2))
  }

  @Test func `without keys the waits double up to a minute`() {
    var life = Life()
    life.jitter = 1
    var now = 0.0
    var waits: [Double] = []
    for _ in 0..<9 {
      #expect(life.at(now, .timeReached) == .fetch)
      _ = life.at(now, .failed(.redirected))
      waits.append((life.nextEventSeconds - now).rounded())
      now = life.nextEventSeconds
    }
    #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60])
  }

  @Test func `half of a wait is chance`() {
    var life = Life()
    _ = life.at(0, .timeReached)
    _ = life.at(0, .failed(.redirected))
    #expect(life.nextEventSeconds == 0.5)
  }

  @Test func `keys that are still fresh leave time between retries`() {
    var life = Life.usable()
    #expect(life.at(450, .timeReached) == .fetch)
    #expect(life.at(450, .failed(.status(500))) == [.releaseWaiting, .reportFailure])
    #expect(life.nextEventSeconds == 460)
    #expect(life.cycle.state == .usable)
  }

  @Test func `an unknown key ID causes a fetch and waits for it`() {
    var life = Life.usable()
    #expect(life.at(1, .needed(keyID: keyID("new"))) == [.fetch, .wait])
    #expect(life.at(1.2, .needed(keyID: keyID("new"))) == .wait)
    #expect(life.at(1.5, .fetched(freshness: nil)) == .releaseWaiting)
  }

  @Test func `one more does so, and the next ten seconds after the first`() {
    var life = Life.usable()
    _ = life.at(1, .needed(keyID: keyID("a")))
    _ = life.at(1.1, .fetched(freshness: nil))
    #expect(life.at(1.2, .needed(keyID: keyID("b"))) == [.fetch, .wait])
    _ = life.at(1.3, .fetched(freshness: nil))
    #expect(life.at(1.4, .needed(keyID: keyID("c"))) == [])
    #expect(life.at(10.9, .needed(keyID: keyID("d"))) == [])
    #expect(life.at(11, .needed(keyID: keyID("e"))) == [.fetch, .wait])
    _ = life.at(11, .fetched(freshness: nil))
    #expect(life.at(11.1, .needed(keyID: keyID("f"))) == [])
    #expect(life.at(11.2, .needed(keyID: keyID("g"))) == [.fetch, .wait])
  }

  @Test(arguments: [KeyLifeCycle.Event.fetched(freshness: nil), .fetched(freshness: .zero), .failed(.status(500))])
  func `ten thousand key IDs in ten seconds cause two fetches at most`(_ end: KeyLifeCycle.Event) {
    var life = Life.usable()
    var fetches = 0
    for number in 0..<10_000 {
      let now = 5 + Double(number) / 1000
      var actions = life.at(now, .needed(keyID: keyID("random-\(number)")))
      if life.nextEventSeconds <= now { actions.formUnion(life.at(now, .timeReached)) }
      guard actions.contains(.fetch) else { continue }
      fetches += 1
      _ = life.at(now, end)
    }
    #expect((1...2).contains(fetches))
  }

  @Test func `a key ID that a fetch did not bring causes none for a minute`() {
    var life = Life.usable()
    _ = life.at(0, .needed(keyID: keyID("gone")))
    _ = life.at(0, .fetched(freshness: nil))
    #expect(life.at(59, .needed(keyID: keyID("gone"))) == [])
    #expect(life.at(60, .needed(keyID: keyID("gone"))) == [.fetch, .wait])
  }

  @Test func `one that joined a running fetch is absent too`() {
    var life = Life.usable()
    _ = life.at(450, .timeReached)
    #expect(life.at(450, .needed(keyID: keyID("joined"))) == .wait)
    _ = life.at(450, .fetched(freshness: nil))
    #expect(life.at(470, .needed(keyID: keyID("joined"))) == [])
  }

  @Test func `a failed fetch says nothing of absence`() {
    var life = Life.usable()
    _ = life.at(1, .needed(keyID: keyID("a")))
    _ = life.at(1, .failed(.status(500)))
    #expect(life.at(11, .needed(keyID: keyID("a"))).contains(.wait))
  }

  @Test func `a key ID too long to remember is held by the interval alone`() {
    var life = Life.usable()
    let long = [UInt8](repeating: 0x61, count: 1024)
    _ = life.at(0, .needed(keyID: long))
    _ = life.at(0, .fetched(freshness: nil))
    #expect(life.at(0, .needed(keyID: long)) == [.fetch, .wait])
    _ = life.at(0, .fetched(freshness: nil))
    #expect(life.at(9, .needed(keyID: long)) == [])
    #expect(life.at(10, .needed(keyID: long)) == [.fetch, .wait])
  }

  @Test func `a request without key ID causes no fetch while there are keys`() {
    var life = Life.usable()
    #expect(life.at(1, .needed(keyID: nil)) == [])
  }

  @Test func `a request brings the next attempt forward while there are no keys`() {
    var life = Life()
    for now in [0.0, 10, 20, 30, 40, 50] {
      _ = life.at(now, .timeReached)
      _ = life.at(now, .failed(.status(503)))
    }
    #expect(life.nextEventSeconds > 60)
    #expect(life.at(51, .needed(keyID: nil)) == [.fetch, .wait])
    _ = life.at(51, .failed(.status(503)))
    #expect(life.at(52, .needed(keyID: nil)) == [.fetch, .wait])
    _ = life.at(52, .failed(.status(503)))
    #expect(life.at(53, .needed(keyID: nil)) == [])
    #expect(life.at(61, .needed(keyID: nil)) == [.fetch, .wait])
  }

  @Test func `keys are kept for a day beyond their freshness and then dropped`() {
    var life = Life.usable()
    _ = life.at(450, .timeReached)
    _ = life.at(450, .failed(.redirected))
    let end = 600.0 + 86_400
    while life.nextEventSeconds < end {
      let now = life.nextEventSeconds
      let actions = life.at(now, .timeReached)
      #expect(!actions.contains(.dropKeys))
      if actions.contains(.fetch) { _ = life.at(now, .failed(.redirected)) }
    }
    #expect(life.cycle.state == .usable)
    #expect(life.nextEventSeconds == end)
    #expect(life.at(end, .timeReached).contains(.dropKeys))
    #expect(life.cycle.state == .tooOld)
  }

  @Test func `keys dropped come back with the next fetch`() {
    var life = Life.usable()
    #expect(life.at(100_000, .timeReached) == [.dropKeys, .fetch])
    #expect(life.at(100_000, .failed(.status(502))) == [.releaseWaiting, .reportFailure])
    #expect(life.at(100_020, .needed(keyID: keyID("a"))) == [.fetch, .wait])
    #expect(life.at(100_021, .fetched(freshness: nil)) == [.releaseWaiting, .reportRecovery])
    #expect(life.cycle.state == .usable)
  }

  @Test func `an absent key ID waits again once there are no keys at all`() {
    var life = Life.usable()
    _ = life.at(99_990, .needed(keyID: keyID("a")))
    _ = life.at(99_990, .fetched(freshness: nil))
    #expect(life.at(99_991, .needed(keyID: keyID("a"))) == [])
    #expect(life.at(250_000, .timeReached).contains(.dropKeys))
    #expect(life.at(250_000, .needed(keyID: keyID("a"))) == .wait)
  }

  @Test func `an operator hears of a failure once, and of another kind, and of the recovery`() {
    var life = Life()
    func fail(_ life: inout Life, _ now: Double, _ failure: KeyFetchFailure) -> Bool {
      _ = life.at(now, .timeReached)
      return life.at(now, .failed(failure)).contains(.reportFailure)
    }
    #expect(fail(&life, 0, .status(500)))
    #expect(!fail(&life, 100, .status(503)))
    #expect(fail(&life, 200, .outbound(OutboundFailure(.timedOut, requestMayHaveLeft: true, detail: "a"))))
    #expect(!fail(&life, 300, .outbound(OutboundFailure(.timedOut, requestMayHaveLeft: true, detail: "b"))))
    _ = life.at(400, .timeReached)
    #expect(life.at(400, .fetched(freshness: nil)).contains(.reportRecovery))
    _ = life.at(1000, .timeReached)
    #expect(!life.at(1000, .fetched(freshness: nil)).contains(.reportRecovery))
  }

  @Test func `a fetch that never ends is given up, and its late end is nothing`() {
    var life = Life()
    _ = life.at(0, .timeReached)
    #expect(life.nextEventSeconds == 7)
    #expect(life.at(7, .timeReached) == [.abandonFetch, .releaseWaiting, .reportFailure])
    #expect(life.cycle.lastFailure == .unfinished)
    #expect(life.at(7.1, .fetched(freshness: nil)) == [])
    #expect(life.cycle.state == .waiting)
    #expect(life.at(8, .timeReached) == .fetch)
  }

  @Test func `an end that was not begun is nothing`() {
    var life = Life.usable()
    #expect(life.at(1, .failed(.redirected)) == [])
    #expect(life.at(1, .fetched(freshness: nil)) == [])
    #expect(life.nextEventSeconds == 450)
  }

  @Test func `a clock that jumps forwards costs one fetch`() {
    var life = Life.usable()
    let later = 10.0 * 365 * 86_400
    #expect(life.at(later, .timeReached) == [.dropKeys, .fetch])
    _ = life.at(later, .fetched(freshness: nil))
    #expect(life.nextEventSeconds == later + 450)
  }

  @Test func `a clock that jumps backwards breaks nothing`() {
    var life = Life.usable()
    #expect(life.at(-900_000, .timeReached) == [])
    #expect(life.at(-900_000, .needed(keyID: keyID("a"))) == [.fetch, .wait])
    _ = life.at(-900_000, .fetched(freshness: nil))
    #expect(life.nextEventSeconds == -900_000 + 450)
  }

  @Test func `keys that are handed in are never fetched`() {
    var life = Life(isFetched: false)
    #expect(life.cycle.nextEventAt == .distantFuture)
    #expect(life.at(0, .needed(keyID: keyID("a"))) == [])
    #expect(life.at(1, .handedIn) == .releaseWaiting)
    #expect(life.cycle.state == .usable)
    #expect(life.cycle.nextEventAt == .distantFuture)
    #expect(life.at(1e6, .needed(keyID: keyID("a"))) == [])
    #expect(life.at(1e6, .timeReached) == [])
  }

  @Test func `a client is told to come back when the next attempt is due`() {
    var life = Life()
    #expect(life.cycle.retryAfter(Life.moment(0)) == .seconds(1))
    for now in [0.0, 10, 20, 30, 40, 50] {
      _ = life.at(now, .timeReached)
      #expect(life.cycle.retryAfter(Life.moment(now)) == .seconds(1))
      _ = life.at(now, .failed(.redirected))
    }
    for _ in 0..<2 {
      _ = life.at(50, .needed(keyID: nil))
      _ = life.at(50, .failed(.redirected))
    }
    #expect(life.cycle.retryAfter(Life.moment(54)) == .seconds(6))
  }
}

@Suite struct AbsentKeyIDsTests {
  @Test func `the oldest makes room`() {
    var absent = AbsentKeyIDs()
    for number in 0..<1000 {
      absent.insert([keyID("\(number)")], until: Life.moment(Double(60 + number)), now: Life.moment(0))
    }
    #expect(absent.count == AbsentKeyIDs.countLimit)
    #expect(!absent.contains(keyID("743"), at: Life.moment(0)))
    #expect(absent.contains(keyID("744"), at: Life.moment(0)))
  }

  @Test func `an ID is remembered once, for its latest time`() {
    var absent = AbsentKeyIDs()
    absent.insert([keyID("a")], until: Life.moment(60), now: Life.moment(0))
    absent.insert([keyID("a")], until: Life.moment(90), now: Life.moment(30))
    #expect(absent.count == 1)
    #expect(absent.contains(keyID("a"), at: Life.moment(89)))
    #expect(!absent.contains(keyID("a"), at: Life.moment(90)))
  }
}
