import StateStore
import Synchronization
import TestPeers
import Testing

@testable import Login

@Suite struct RevocationFeedTests {
  final class Changes: Sendable {
    private let changes = Mutex<[RevocationChange]>([])
    var all: [RevocationChange] { changes.withLock { $0 } }
    func add(_ change: RevocationChange) { changes.withLock { $0.append(change) } }
  }

  @Test func `what is revoked here before the store was heard is not all that is revoked`() async throws {
    let changes = Changes()
    let fixture = try LoginFixture(publishRevocations: { changes.add($0) })
    let now = StoredTime(fixture.clock.now)
    let until = StoredTime(seconds: now.seconds + 300)
    let earlier = RevocationInForce(.session(id: "earlier"), until: until)
    let own = RevocationInForce(.session(id: "own"), until: until)
    try await fixture.store.revoke([earlier], at: now)
    try await fixture.login.revocations.revoke([own])
    #expect(changes.all == [RevocationChange(inForce: [own])])
    #expect(await fixture.login.revocations.trouble == "nothing was heard yet")

    fixture.login.revocations.start()
    let whole = eventually { changes.all.first { $0.isWhole } }
    #expect(Set(whole?.inForce ?? []) == [earlier, own])
    #expect(await fixture.login.revocations.trouble == nil)
  }

  @Test func `what others add before all could be read is not all that is revoked`() async throws {
    let changes = Changes()
    let added = RevocationInForce(.session(id: "added"), until: StoredTime(seconds: 2_000_000_000))
    let fixture = try LoginFixture(
      store: { StateStoreDouble($0, news: [.unheard(.timedOut), .added([added])]) }, publishRevocations: { changes.add($0) })
    fixture.login.revocations.start()
    #expect(eventually { changes.all.isEmpty ? nil : true } == true)
    #expect(changes.all == [RevocationChange(inForce: [added])])
    #expect(await fixture.login.revocations.trouble != nil)
  }
}
