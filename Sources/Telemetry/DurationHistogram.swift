/// Durations by size, as plain integers: what one worker or one call has seen.
public struct DurationHistogram: Sendable {
  /// Upper bounds of the buckets, in microseconds; one more bucket holds what is above.
  public static let bounds: [Int64] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
  ]

  private var counts = InlineArray<19, Int64>(repeating: 0)
  public private(set) var sumMicroseconds: Int64 = 0

  public init() {}

  public mutating func observe(microseconds: Int64) {
    counts[Self.bucket(microseconds)] &+= 1
    sumMicroseconds &+= max(0, microseconds)
  }

  public mutating func add(_ other: DurationHistogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
    sumMicroseconds &+= other.sumMicroseconds
  }

  /// Of all buckets.
  public var count: Int64 {
    var sum: Int64 = 0
    for index in counts.indices { sum &+= counts[index] }
    return sum
  }

  /// Of one bucket alone.
  public func count(ofBucket index: Int) -> Int64 { counts.indices.contains(index) ? counts[index] : 0 }

  /// Comparisons with constants; most requests need five.
  private static func bucket(_ microseconds: Int64) -> Int {
    switch microseconds {
    case ...50: 0
    case ...100: 1
    case ...250: 2
    case ...500: 3
    case ...1_000: 4
    case ...2_500: 5
    case ...5_000: 6
    case ...10_000: 7
    case ...25_000: 8
    case ...50_000: 9
    case ...100_000: 10
    case ...250_000: 11
    case ...500_000: 12
    case ...1_000_000: 13
    case ...2_500_000: 14
    case ...5_000_000: 15
    case ...10_000_000: 16
    case ...30_000_000: 17
    default: 18
    }
  }
}
