/// Everything the emulator remembers, a plain value behind the emulator's lock.
struct EmulatorState: Sendable {
  struct User: Sendable {
    var id: String
    /// What the app sent as `identifier`.
    var identifier: String
    var displayName: String
    /// The WebAuthn user handle: the identifier's bytes, or random ones where they would not fit into 64.
    var handle: [UInt8]
    var createdAt: Int
  }

  struct Credential: Sendable {
    var id: String
    var userID: String
    var keyID: [UInt8]
    var publicKey: COSEKey
    var signatureCount: UInt32
    var authenticatorModel: [UInt8]
    var flags: AuthenticatorData.Flags
    var transports: [String]
    var createdAt: Int
    var usedAt: Int
  }

  struct ConnectToken: Sendable {
    enum Kind: String, CaseIterable, Sendable {
      case append = "passkey-append"
      case delete = "passkey-delete"
      case list = "passkey-list"
      case login = "passkey-login"
    }
    enum Status: String, CaseIterable, Sendable { case initial, consumed }

    var id: String
    var kind: Kind
    var identifier: String
    var displayName: String?
    var data: JSON
    var status = Status.initial
    var secret: String
    var expiresAt: Int
  }

  /// A WebAuthn challenge and, after a login, the `challengeId` that verify uses up.
  struct Challenge: Sendable {
    enum Purpose: Equatable, Sendable {
      case append(userID: String)
      /// With an identifier: only this user's passkeys were allowed.
      case login(userID: String?)
    }
    enum Stage: Sendable { case offered, answered, consumed }

    var id: String
    var bytes: [UInt8]
    var processID: String
    var purpose: Purpose
    var expiresAt: Int
    var stage = Stage.offered
  }

  var settings = EmulatorSettings()
  var users: [User] = []
  var credentials: [Credential] = []
  /// Key IDs of passkeys that were deleted: the browser may still offer them.
  var deletedKeyIDs: Set<[UInt8]> = []
  var connectTokens: [ConnectToken] = []
  var challenges: [Challenge] = []
  /// Process ID to the second at which it ends.
  var processes: [String: Int] = [:]
  /// The newest signs, all verify.
  var keys: [TokenSigningKey]
  var faults: [ScriptedFault] = []
  var calls: [RecordedCall] = []
  /// Arrival times (milliseconds) of the last 10 s by peer.
  var arrivals: [String: [Int]] = [:]

  init(firstKey: TokenSigningKey) { keys = [firstKey] }

  func user(identifier: String) -> User? { users.first { $0.identifier == identifier } }
  func user(id: String) -> User? { users.first { $0.id == id } }
  func credentials(of user: User) -> [Credential] { credentials.filter { $0.userID == user.id } }

  /// The user of this identifier, made if there is none. A display name that is given wins over an older one.
  mutating func resolveUser(identifier: String, displayName: String?, now: Int) -> User {
    if let index = users.firstIndex(where: { $0.identifier == identifier }) {
      if let displayName { users[index].displayName = displayName }
      return users[index]
    }
    let bytes = Array(identifier.utf8)
    let user = User(
      id: "usr-" + RandomText.number(), identifier: identifier, displayName: displayName ?? identifier,
      handle: bytes.count <= 64 ? bytes : RandomText.bytes(count: 64), createdAt: now)
    users.append(user)
    return user
  }

  mutating func offerChallenge(_ purpose: Challenge.Purpose, processID: String, now: Int) -> Challenge {
    challenges.removeAll { $0.expiresAt + 600 < now }
    let challenge = Challenge(
      id: "was-" + RandomText.number(), bytes: RandomText.bytes(count: 32), processID: processID, purpose: purpose,
      expiresAt: now + 300)
    challenges.append(challenge)
    return challenge
  }

  /// Takes an offered challenge of this process by the bytes that the client signed; whatever comes next, it is used
  /// up.
  mutating func takeChallenge(_ bytes: [UInt8], processID: String, now: Int) -> Challenge? {
    guard let index = challenges.firstIndex(where: { $0.bytes == bytes }), challenges[index].processID == processID,
      challenges[index].stage == .offered, challenges[index].expiresAt > now
    else { return nil }
    challenges[index].stage = .answered
    return challenges[index]
  }

  /// More requests than the limit in the last 10 s from this peer, this one included.
  mutating func isOverRateLimit(peer: String, milliseconds: Int) -> Bool {
    var recent = arrivals[peer, default: []].filter { $0 > milliseconds - 10_000 }
    recent.append(milliseconds)
    arrivals[peer] = recent
    return recent.count > settings.rateLimit
  }
}

extension EmulatorState {
  /// Why a connect token does not open a flow; the texts are the emulator's own, Corbado's are unknown.
  enum ConnectTokenRefusal: String, Error {
    case unknown = "does not exist"
    case wrongType = "is of another type"
    case consumed = "is already consumed"
    case expired = "is expired"
  }

  /// One operation per connect token: its first use is its last.
  mutating func consumeConnectToken(_ secret: String, as kind: ConnectToken.Kind, now: Int) throws(ConnectTokenRefusal)
    -> ConnectToken
  {
    guard let index = connectTokens.firstIndex(where: { $0.secret == secret }) else { throw .unknown }
    guard connectTokens[index].kind == kind else { throw .wrongType }
    guard connectTokens[index].status == .initial else { throw .consumed }
    guard connectTokens[index].expiresAt > now else { throw .expired }
    connectTokens[index].status = .consumed
    return connectTokens[index]
  }
}
