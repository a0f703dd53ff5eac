import Testing
import Transport

@Suite struct LoopExecutorTests {
  @Test func `whoever sleeps is woken when the loop is stopped`() async throws {
    let executor = try LoopExecutor()
    _ = try Transport.Thread(named: "test-loop") { executor.run() }
    let sleeper = Task(executorPreference: executor) { await executor.sleep(for: .seconds(3600)) }
    let stopper = Task(executorPreference: executor) { executor.stop() }
    await stopper.value
    await sleeper.value
  }

  @Test func `a task that prefers the loop runs on its thread alone`() async throws {
    let executor = try LoopExecutor()
    _ = try Transport.Thread(named: "test-loop") { executor.run() }
    defer { executor.stop() }
    let isThere = await Task(executorPreference: executor) { executor.isIsolatingCurrentContext() }.value
    #expect(isThere == true)
    #expect(executor.isIsolatingCurrentContext() == false)
  }
}
