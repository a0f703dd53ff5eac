import JOSE

/// Tokens that were found valid, for one worker: bounded in entries and bytes, found by the whole token.
///
/// A set-associative table: the hash names a set of eight places, the bytes decide. It holds what verification has
/// found and never a decision; whoever takes an entry out judges times, key and revocation anew. A hit allocates
/// nothing.
struct VerifiedTokens: ~Copyable {
  private static let wayCount = 8

  // Empty until the first token comes: an idle worker pays nothing.
  private var tokens: [VerifiedToken?] = []
  private var hashes: [UInt64] = []
  /// When the place was last used, in lookups.
  private var uses: [UInt64] = []
  /// The snapshots under which key and revocation of the place were last judged; see ``Gate``.
  private(set) var epochs: [UInt64] = []
  private var lookupCount: UInt64 = 0
  private let setCount: Int
  private let seed: UInt64
  private let maximumBytes: Int
  private(set) var accountedBytes = 0
  private(set) var count = 0
  /// Tokens that were still valid and had to go.
  private(set) var evictionCount: Int64 = 0
  /// Where eviction for the sake of bytes goes on.
  private var hand = 0

  /// - Parameters:
  ///   - entryCount: at most as many tokens, rounded up to a multiple of eight.
  ///   - maximumBytes: at most as many bytes, token and claims and rendered fields counted.
  ///   - seed: random, so that nobody can choose tokens of one set.
  init(entryCount: Int, maximumBytes: Int, seed: UInt64) {
    setCount = max(1, (min(entryCount, 1 << 24) + Self.wayCount - 1) / Self.wayCount)
    self.maximumBytes = maximumBytes
    self.seed = seed
  }

  /// The place of a token; nil if it is not there.
  mutating func place(of token: Span<UInt8>, hint: TokenHint) -> Int? {
    lookupCount &+= 1
    let hinted = Int(hint.slot)
    if hinted < tokens.count, isToken(token, at: hinted) {
      uses[hinted] = lookupCount
      return hinted
    }
    if count == 0 { return nil }
    let hash = hash(token)
    for place in places(of: hash) where hashes[place] == hash && isToken(token, at: place) {
      uses[place] = lookupCount
      return place
    }
    return nil
  }

  private func isToken(_ token: Span<UInt8>, at place: Int) -> Bool {
    guard let other = tokens[place] else { return false }
    let bytes = other.bytes
    return token.hasSameBytes(as: bytes.span)
  }

  func contains(_ place: Int) -> Bool { tokens.indices.contains(place) }

  func token(at place: Int) -> VerifiedToken? { tokens[place] }

  mutating func setEpoch(_ epoch: UInt64, at place: Int) { epochs[place] = epoch }

  /// Puts a token in, in the place of the one in its set that was used longest ago. Returns where it is; nil if it is
  /// larger than the whole.
  mutating func insert(_ token: VerifiedToken, epoch: UInt64, now: UnixTime) -> Int? {
    guard token.accountedBytes <= maximumBytes else { return nil }
    if tokens.isEmpty {
      tokens = Array(repeating: nil, count: setCount * Self.wayCount)
      hashes = Array(repeating: 0, count: tokens.count)
      uses = hashes
      epochs = hashes
    }
    let bytes = token.bytes
    let hash = hash(bytes.span)
    var chosen = places(of: hash).lowerBound
    for place in places(of: hash) {
      guard let other = tokens[place], now < other.validUntil else {
        chosen = place
        break
      }
      if uses[place] < uses[chosen] { chosen = place }
    }
    if let other = tokens[chosen], now < other.validUntil { evictionCount &+= 1 }
    remove(at: chosen)
    while accountedBytes + token.accountedBytes > maximumBytes { evictNext() }
    tokens[chosen] = token
    hashes[chosen] = hash
    uses[chosen] = lookupCount
    epochs[chosen] = epoch
    accountedBytes += token.accountedBytes
    count += 1
    return chosen
  }

  mutating func remove(at place: Int) {
    guard let token = tokens[place] else { return }
    accountedBytes -= token.accountedBytes
    count -= 1
    tokens[place] = nil
  }

  mutating func removeAll() {
    for place in tokens.indices { remove(at: place) }
  }

  /// In the order of the places, which is a random one.
  private mutating func evictNext() {
    while tokens[hand] == nil { hand = (hand + 1) % tokens.count }
    evictionCount &+= 1
    remove(at: hand)
  }

  private func places(of hash: UInt64) -> Range<Int> {
    let first = Int(truncatingIfNeeded: hash % UInt64(setCount)) * Self.wayCount
    return first..<first + Self.wayCount
  }

  /// Of the last 32 bytes: they are signature, which nobody can choose who has no key. Were they equal all the same,
  /// the set would be full sooner and nothing else.
  private func hash(_ token: Span<UInt8>) -> UInt64 {
    var hash = seed ^ UInt64(truncatingIfNeeded: token.count)
    for index in max(0, token.count - 32)..<token.count {
      hash = (hash ^ UInt64(token[index])) &* 0x0000_0100_0000_01B3
    }
    return hash ^ hash >> 29
  }
}
