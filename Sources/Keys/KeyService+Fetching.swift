internal import JOSE
internal import Transport

/// Performing what a life cycle asks for.
extension KeyService {
  func receive(_ event: KeyLifeCycle.Event, _ entry: Entry, at now: MonotonicTime) {
    perform(entry.lifeCycle.receive(event, at: now, jitter: surroundings.jitter()), entry)
  }

  func perform(_ actions: KeyLifeCycle.Actions, _ entry: Entry) {
    if actions.contains(.abandonFetch) {
      forgetFetch(of: entry)
      entry.fetchCounts[KeyFetchFailure.unfinished.label, default: 0] += 1
    }
    if actions.contains(.reportFailure), let failure = entry.lifeCycle.lastFailure {
      log.warn(
        "keys_fetch_failed",
        [
          "issuer": .text(entry.issuer.issuer), "reason": .text(failure.label), "detail": .text(failure.detail),
          "has_keys": .flag(!entry.keys.isEmpty),
        ])
    }
    if actions.contains(.reportRecovery) { log.info("keys_fetch_recovered", ["issuer": .text(entry.issuer.issuer)]) }
    if actions.contains(.dropKeys) {
      log.error("keys_too_old", ["issuer": .text(entry.issuer.issuer)])
      entry.memory = KeyFetch.Memory()
      entry.keys = []
      publishSnapshot()
    }
    if actions.contains(.releaseWaiting) { release(entry) }
    if actions.contains(.fetch) { startFetch(entry) }
  }

  /// Whatever it still brings is too late.
  func forgetFetch(of entry: Entry) {
    entry.fetch?.cancel()
    entry.fetchNumber = nextFetchNumber()
  }

  func release(_ entry: Entry) {
    let waiting = entry.waiting
    entry.waiting = []
    for answer in waiting { answer() }
  }

  private func startFetch(_ entry: Entry) {
    entry.fetchNumber = nextFetchNumber()
    let number = entry.fetchNumber
    let fetch = KeyFetch(issuer: entry.issuer, memory: entry.memory, surroundings: surroundings)
    let issuer = entry.issuer.issuer
    entry.fetch = Task(executorPreference: executor) {
      let result: Result<KeyFetch.Outcome, KeyFetchFailure>
      do throws(KeyFetchFailure) { result = .success(try await fetch.run()) } catch { result = .failure(error) }
      await self.fetchEnded(issuer, number, result)
    }
  }

  private func fetchEnded(_ issuer: String, _ number: Int, _ result: Result<KeyFetch.Outcome, KeyFetchFailure>) {
    guard let entry = entry(issuer), entry.fetchNumber == number else { return }
    entry.fetch = nil
    let now = surroundings.now()
    switch result {
    case .success(let outcome):
      entry.fetchCounts[outcome.isChanged ? "changed" : "unchanged", default: 0] += 1
      entry.memory = outcome.memory
      // Published before those who wait are let go. The keys may have been dropped while word came that they are what
      // they were.
      if outcome.isChanged || entry.keys.isEmpty {
        replaceKeys(of: entry, outcome.memory.keys, passedOverCount: outcome.passedOverCount)
      }
      receive(.fetched(freshness: outcome.freshness), entry, at: now)
    case .failure(let failure):
      entry.fetchCounts[failure.label, default: 0] += 1
      // Perhaps the keys have moved.
      entry.memory.discovered = nil
      receive(.failed(failure), entry, at: now)
    }
  }

  /// - Parameter passedOverCount: keys of the set that cannot be used; for the log.
  func replaceKeys(of entry: Entry, _ keys: [VerificationKey], passedOverCount: Int) {
    let added = keys.filter { key in !entry.keys.contains { $0.isNamed(key.keyID) } }
    let removed = entry.keys.filter { key in !keys.contains { $0.isNamed(key.keyID) } }
    log.info(
      "keys_changed",
      [
        "issuer": .text(entry.issuer.issuer), "keys": .integer(Int64(keys.count)),
        "passed_over": .integer(Int64(passedOverCount)), "added": .text(Self.names(added)),
        "removed": .text(Self.names(removed)),
      ])
    entry.keys = keys
    if isRunning { publishSnapshot() }
  }

  func publishSnapshot() {
    publish(
      KeySnapshot(
        entries.map { entry in
          let availability: KeySnapshot.Availability =
            if !entry.keys.isEmpty {
              // They end by a new snapshot, not by the wall clock, which may jump.
              .usable(entry.keys, until: nil)
            } else {
              entry.lifeCycle.state == .tooOld ? .expired : .pending
            }
          return KeySnapshot.IssuerKeys(issuer: entry.issuer.issuer, availability: availability)
        }))
  }

  private static func names(_ keys: [VerificationKey]) -> String {
    keys.map { $0.keyID ?? "(none)" }.joined(separator: " ")
  }
}

extension VerificationKey {
  /// Byte for byte: `String` would also find canonically equivalent Unicode equal.
  func isNamed(_ keyID: String?) -> Bool {
    switch (self.keyID, keyID) {
    case (nil, nil): true
    case (let left?, let right?): left.utf8.elementsEqual(right.utf8)
    default: false
    }
  }
}
