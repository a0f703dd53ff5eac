import Testing

@testable import HTTP

@Suite struct H2PatienceTests {
  private static let second: Int64 = 1_000_000_000

  @Test func `patience ends, and the worst of it has a name`() {
    var patience = H2Patience()
    patience.heal(atNanoseconds: Self.second)
    for _ in 0..<H2Patience.limit { patience.spend(.pings) }
    #expect(!patience.isExhausted)
    patience.spend(.settings)
    #expect(patience.isExhausted)
    #expect(patience.worst == .pings)
  }

  @Test func `time and work make up for it, up to where it began`() {
    var patience = H2Patience()
    patience.heal(atNanoseconds: Self.second)
    patience.spend(.pings, H2Patience.limit)
    // Many short turns are worth as much as a long one.
    for turn in 1...1000 { patience.heal(atNanoseconds: Self.second + Int64(turn) * Self.second / 1000) }
    patience.earn(3)
    patience.spend(.pings, Int32(H2Patience.healing) + 3)
    #expect(!patience.isExhausted)
    patience.heal(atNanoseconds: 1000 * Self.second)
    patience.spend(.pings, H2Patience.limit)
    #expect(!patience.isExhausted)
    patience.spend(.pings)
    #expect(patience.isExhausted)
  }

  @Test func `what was exhausted stays so`() {
    var patience = H2Patience()
    patience.spend(.resets, H2Patience.limit + 1)
    patience.heal(atNanoseconds: 1000 * Self.second)
    #expect(patience.isExhausted)
  }
}
