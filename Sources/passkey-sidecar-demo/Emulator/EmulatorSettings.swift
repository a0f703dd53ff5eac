/// How the emulator behaves where Corbado's behaviour is unknown or differs between its own sources; tests change it
/// while it runs.
struct EmulatorSettings: Equatable, Sendable {
  enum Mode: String, CaseIterable, Sendable {
    /// As the machine-readable specification: `username` is required, only the singular verify route exists.
    case strict
    /// As the prose of Corbado's backend page: `username` may be missing, the plural route is served as well.
    case seed
  }

  var mode = Mode.strict
  /// Seconds added to the clock.
  var clockOffset = 0
  /// Seconds a connect token lives when the request names none; also the upper bound of what it may ask for.
  var connectTokenLifetime = 300
  /// Requests in 10 s from one address; more are answered 429.
  var rateLimit = 2000
  /// Whether a wrong `username` uses up the signed passkey data.
  var mismatchConsumes = false
  /// The verdict on signed passkey data that was verified before.
  var replayVerdict = Verdict.invalidChallenge
  /// The verdict on signed passkey data after its `exp`.
  var expiryVerdict = Verdict.invalidSignature
  /// The claim `username` of signed passkey data.
  var usernameClaim = ""
  /// What login/finish and postLogin answer as `session`; not empty stands for a configured post-login action.
  var session = ""
  /// Whether the key set names the keys that sign.
  var publishesKeys = true
  /// Connections that begin now are shown the second certificate: one of another name, for instance.
  var showsOtherCertificate = false

  enum Verdict: String, CaseIterable, Sendable {
    case success
    case invalidSignature = "invalid_signature"
    case invalidChallenge = "invalid_challenge"
    case userMismatch = "user_mismatch"
    case genericError = "generic_error"
  }
}

/// What is fixed for the life of an emulator.
struct EmulatorIdentity: Sendable {
  /// A versioned Backend API key with its permissions, such as `connect_tokens:write` and `passkeys:verify`.
  struct BearerKey: Sendable {
    var key: String
    var permissions: Set<String>
  }

  var projectID: String
  var apiSecret: String
  var bearerKeys: [BearerKey] = []
  var relyingParty: RelyingParty
  /// There is a second certificate.
  var hasOtherCertificate = false
}

extension EmulatorSettings {
  /// A member the control surface does not know, or a value of the wrong kind.
  struct Refused: Error { var member: String }

  mutating func apply(_ json: JSON) throws(Refused) {
    for member in json.members ?? [] {
      switch (member.name, member.value) {
      case ("mode", .string(let text)): try assign(&mode, text, member.name)
      case ("replayVerdict", .string(let text)): try assign(&replayVerdict, text, member.name)
      case ("expiryVerdict", .string(let text)): try assign(&expiryVerdict, text, member.name)
      case ("usernameClaim", .string(let text)): usernameClaim = text
      case ("session", .string(let text)): session = text
      case ("clockOffset", .integer(let seconds)) where abs(Double(seconds)) < 1e9: clockOffset = seconds
      case ("connectTokenLifetime", .integer(let seconds)) where (1...1_000_000_000).contains(seconds):
        connectTokenLifetime = seconds
      case ("rateLimit", .integer(let count)): rateLimit = count
      case ("mismatchConsumes", .boolean(let value)): mismatchConsumes = value
      case ("publishesKeys", .boolean(let value)): publishesKeys = value
      case ("showsOtherCertificate", .boolean(let value)): showsOtherCertificate = value
      default: throw Refused(member: member.name)
      }
    }
  }

  private func assign<Value: RawRepresentable<String>>(_ value: inout Value, _ text: String, _ name: String)
    throws(Refused)
  {
    guard let new = Value(rawValue: text) else { throw Refused(member: name) }
    value = new
  }

  var json: JSON {
    [
      "mode": .string(mode.rawValue), "clockOffset": .integer(clockOffset),
      "connectTokenLifetime": .integer(connectTokenLifetime), "rateLimit": .integer(rateLimit),
      "mismatchConsumes": .boolean(mismatchConsumes), "replayVerdict": .string(replayVerdict.rawValue),
      "expiryVerdict": .string(expiryVerdict.rawValue), "usernameClaim": .string(usernameClaim),
      "session": .string(session),
      "publishesKeys": .boolean(publishesKeys), "showsOtherCertificate": .boolean(showsOtherCertificate),
    ]
  }
}
