import Testing
import Transport

@Suite struct SharedBudgetTests {
  @Test func `a budget gives no more than it has, and again what was given back`() {
    let budget = SharedBudget(2)
    #expect(budget.take() && budget.take())
    #expect(!budget.take())
    #expect(budget.takenCount == 2)
    budget.giveBack()
    #expect(budget.take())
  }

  @Test func `a smaller budget takes nothing back and gives nothing until it is kept`() {
    let budget = SharedBudget(2)
    #expect(budget.take() && budget.take())
    budget.limit = 1
    budget.giveBack()
    #expect(!budget.take())
    budget.giveBack()
    #expect(budget.take())
  }

  private static let chunk = MemoryAccount.chunkBytes

  @Test func `accounts of one budget feel what all of them hold`() {
    let budget = SharedBudget(10 * Self.chunk)
    var (first, second) = (MemoryAccount(budget), MemoryAccount(budget))
    first.settle(4 * Self.chunk)
    #expect(first.pressure == .none)
    second.settle(Self.chunk)
    #expect(second.pressure == .high)
    second.settle(6 * Self.chunk)
    #expect(second.pressure == .full)
    first.settle(4 * Self.chunk)
    #expect(first.pressure == .full)
    second.settle(0)
    first.settle(4 * Self.chunk)
    #expect(first.pressure == .none && second.pressure == .none)
  }

  @Test func `the others hear of chunks, and of the end`() {
    let budget = SharedBudget(10 * Self.chunk)
    var account = MemoryAccount(budget)
    account.settle(Self.chunk - 1)
    #expect(budget.takenCount == 0)
    account.settle(Self.chunk)
    #expect(budget.takenCount == Self.chunk)
    account.settle(1)
    #expect(budget.takenCount == Self.chunk)
    account.settle(0)
    #expect(budget.takenCount == 0)
  }

  @Test func `an account is exact about its own loop, and one without a budget feels nothing`() {
    var account = MemoryAccount(SharedBudget(10))
    account.settle(4)
    #expect(account.pressure == .none)
    account.settle(5)
    #expect(account.pressure == .high)
    account.settle(10)
    #expect(account.pressure == .full)
    var free = MemoryAccount(nil)
    free.settle(.max)
    #expect(free.pressure == .none)
  }
}
