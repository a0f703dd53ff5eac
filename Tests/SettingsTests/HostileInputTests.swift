import Testing

@testable import Settings

/// Whatever a file holds, reading it ends, with a value or with problems.
@Suite struct HostileInputTests {
  @Test func `random bytes`() {
    var random = SplitMix(seed: 1)
    for _ in 0..<1000 {
      let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(throws: SettingsRefused.self) { try read(bytes) }
    }
  }

  @Test func `random characters that mean something in YAML`() {
    var random = SplitMix(seed: 2)
    let alphabet = Array("{}[]:,-?&*!|>'\"%@`#\n \tab01~<=\\".utf8)
    for _ in 0..<1500 {
      let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
      #expect(throws: SettingsRefused.self) { try read(bytes) }
    }
  }

  @Test func `a good file with bytes changed, taken out and put in`() {
    var random = SplitMix(seed: 3)
    let full = Array(
      (good
        + "routes: [{path: /health, access: public}]\nlimits: {idle: 75s, token: 16KiB}\nidentity: {fields: {X-A: {claim: a.b, separator: \",\"}}}\n")
        .utf8)
    for _ in 0..<800 {
      var bytes = full
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(full.randomElement(using: &random)!, at: index)
        default:
          bytes.replaceSubrange(
            index..<min(index + 20, bytes.count), with: full[(index / 2)..<min(index / 2 + 20, full.count)])
        }
      }
      do throws(SettingsRefused) {
        _ = try read(bytes)
      } catch {
        #expect(!error.problems.isEmpty)
        #expect(error.problems.allSatisfy { !$0.description.unicodeScalars.contains { $0.value < 0x20 } })
        #expect(error.problems.allSatisfy { $0.line >= 1 && $0.column >= 1 })
      }
    }
  }

  @Test func `every value of the file replaced by every other shape`() {
    let shapes = [
      "null", "~", "0", "-1", "99999999999999999999", "1.5", "true", "''", "x", "[]", "[[]]", "{}", "{a: b}", "'\\\\'",
      "|\n  x",
    ]
    let keys = ["listen", "upstream", "corbado", "issuers", "login", "identity", "routes", "cors"]
    for key in keys {
      for shape in shapes {
        _ = problems(changed("\(key): \(shape)"))
        _ = problems(changed("\(key): [\(shape)]"))
        guard shape.count < 4 else { continue }
        for inner in [
          "address", "url", "keys", "fields", "token", "identity", "verify", "timeouts", "origins", "remember",
          "audiences", "issuer", "path",
        ] {
          _ = problems(changed("\(key): {\(inner): \(shape)}"))
          _ = problems(changed("\(key): [{\(inner): \(shape)}]"))
        }
      }
    }
  }

  @Test func `ten thousand wrong keys are a hundred problems`() {
    let text = (0..<10_000).map { "key\($0): 1" }.joined(separator: "\n")
    #expect(problems(text).count == Reading.problemLimit)
  }
}

/// The same numbers in every run, so that a failure can be looked at again.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
