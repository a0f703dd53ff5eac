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
}
