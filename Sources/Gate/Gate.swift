public import HTTP
public import JOSE

/// The Gate of one worker: says of each request whether it goes on, and as whom.
///
/// ``decide(_:facts:lastToken:policy:keys:revocations:now:keysWereJustFetched:)`` is a function of its arguments. What
/// the Gate keeps is memory to work in and the tokens that it has verified, and neither changes an answer.
public struct Gate: ~Copyable {
  var path = PathReadings()
  var candidates: [Int] = []
  private var reader = TokenReader()
  private var cache: VerifiedTokens
  /// By place in the cache.
  var assertions: [Int: IdentityAssertion] = [:]
  /// Signs identity assertions; nil: there are none yet, or the policy wants none.
  public var assertionKey: SigningKey?
  /// Since the start.
  public private(set) var cacheHitCount: Int64 = 0
  public private(set) var cacheMissCount: Int64 = 0

  // The snapshots of the last request. Another policy empties the cache; other keys or revocations begin a new epoch,
  // in which every cached token is judged once more.
  private var policy: Policy?
  private var keys: KeySnapshot?
  private var revocations: Revocations?
  private var epoch: UInt64 = 0
  /// For each issuer of the policy.
  private var keysUsableUntil: [UnixTime] = []

  /// - Parameters:
  ///   - cachedTokenCount: verified tokens that are remembered; the least recently used ones go.
  ///   - cachedTokenBytes: the memory for them.
  ///   - seed: random, of this process.
  public init(cachedTokenCount: Int = 4096, cachedTokenBytes: Int = 8 << 20, seed: UInt64) {
    cache = VerifiedTokens(entryCount: cachedTokenCount, maximumBytes: cachedTokenBytes, seed: seed)
  }

  /// Valid tokens that were forgotten to make room for others, since the start.
  public var cacheEvictionCount: Int64 { cache.evictionCount }

  /// Verified tokens that are remembered.
  public var cachedTokenCount: Int { cache.count }

  /// Judges a request head.
  ///
  /// - Parameters:
  ///   - facts: of the connection. No decision reads the peer's address or what it says of others.
  ///   - lastToken: the connection's own; only a shortcut.
  ///   - keysWereJustFetched: the second time, after `needsKeys`.
  public mutating func decide(
    _ head: borrowing RequestHead, facts: ConnectionFacts, lastToken: inout TokenHint, policy: Policy,
    keys: KeySnapshot,
    revocations: Revocations, now: UnixTime, keysWereJustFetched: Bool = false
  ) -> Decision {
    var observer = NoObserver()
    let snapshots = Snapshots(
      policy: policy, keys: keys, revocations: revocations, now: now, keysWereJustFetched: keysWereJustFetched)
    return decide(head, snapshots, lastToken: &lastToken, observer: &observer)
  }

  mutating func decide(
    _ head: borrowing RequestHead, _ snapshots: Snapshots, lastToken: inout TokenHint,
    observer: inout some DecisionObserver
  ) -> Decision {
    adopt(snapshots)
    do throws(Interruption) {
      return try judge(head, snapshots, lastToken: &lastToken, observer: &observer)
    } catch {
      switch error {
      case .denied(let denied): return .refuse(denied)
      case .needsKeys(let request): return .needsKeys(request)
      }
    }
  }

  private mutating func adopt(_ snapshots: Snapshots) {
    let isSamePolicy = policy === snapshots.policy
    if isSamePolicy, keys === snapshots.keys, revocations === snapshots.revocations { return }
    // Positions of issuers and rendered fields mean something under their policy only.
    if !isSamePolicy {
      cache.removeAll()
      assertions.removeAll()
    }
    policy = snapshots.policy
    keys = snapshots.keys
    revocations = snapshots.revocations
    epoch += 1
    keysUsableUntil = snapshots.policy.issuers.map { issuer in
      guard case .usable(_, let until) = snapshots.keys.availability(of: issuer.issuer) else {
        return UnixTime(microseconds: .min)
      }
      return until ?? UnixTime(microseconds: .max)
    }
  }

  /// The token of a credential, from the cache or verified.
  mutating func verified(
    _ credential: Credential, _ head: borrowing RequestHead, _ snapshots: Snapshots, lastToken: inout TokenHint,
    observer: inout some DecisionObserver
  ) throws(Interruption) -> VerifiedToken {
    guard snapshots.revocations.isKnown else { throw Interruption(.stateUnavailable) }
    let bytes = head.fields.bytes.span.extracting(credential.token.range)
    if let place = cache.place(of: bytes, hint: lastToken), let token = cache.token(at: place) {
      if try isStillValid(token, at: place, snapshots) {
        lastToken.slot = UInt32(truncatingIfNeeded: place)
        cacheHitCount &+= 1
        observer.passed(.token, "verified before: \(token.issuer)")
        observer.passed(.revocation, "not revoked")
        return token
      }
    }
    cacheMissCount &+= 1
    let outcome: TokenOutcome
    do throws(Denial) {
      outcome = try snapshots.policy.verify(
        bytes, keys: snapshots.keys, now: snapshots.now, keysWereJustFetched: snapshots.keysWereJustFetched,
        reader: &reader, observer: &observer)
    } catch { throw Interruption(error) }
    switch outcome {
    case .needsKeys(let request): throw .needsKeys(request)
    case .valid(let token):
      // A revoked token is remembered as well, not yet judged: verifying it again and again would cost more.
      let place = cache.insert(token, epoch: 0, now: snapshots.now)
      guard !snapshots.revocations.revoke(token) else { throw Interruption(.tokenRevoked) }
      observer.passed(.revocation, "not revoked")
      if let place {
        cache.setEpoch(epoch, at: place)
        lastToken.slot = UInt32(truncatingIfNeeded: place)
      }
      return token
    }
  }

  /// False for a token that is to be verified once more: its key was withdrawn, or its issuer's keys are not to be
  /// used.
  private mutating func isStillValid(
    _ token: VerifiedToken, at place: Int, _ snapshots: Snapshots
  ) throws(Interruption) -> Bool {
    guard snapshots.now < keysUsableUntil[token.issuerIndex] else { return false }
    do throws(Denial) { try token.checkTimes(now: snapshots.now) } catch {
      if error == .tokenExpired { cache.remove(at: place) }
      throw Interruption(error)
    }
    if cache.epochs[place] == epoch { return true }
    guard case .usable(let keys, _) = snapshots.keys.availability(of: token.issuer), token.isKeyCurrent(in: keys) else {
      cache.remove(at: place)
      return false
    }
    guard !snapshots.revocations.revoke(token) else { throw Interruption(.tokenRevoked) }
    cache.setEpoch(epoch, at: place)
    return true
  }

  func isCached(_ token: VerifiedToken, at place: Int) -> Bool { cache.contains(place) && cache.token(at: place) === token }
}
