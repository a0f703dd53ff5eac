import HTTP
import JOSE
import OpenSSL
import TestPeers

@testable import Gate

/// A fixed moment: nothing here reads the clock.
let moment = UnixTime(seconds: 1_800_000_000)

/// An identity provider, our own login issuer, a policy that knows both, and a gate.
struct Fixture: ~Copyable {
  static let provider = try! TokenFactory()
  static let login = try! TokenFactory(issuer: "https://app.test", keyID: "own-1")

  var gate = Gate(seed: 7)
  var hint = TokenHint()
  var policy: Policy
  var keys = Fixture.keys()
  var revocations = Revocations.none
  var now = moment

  static func draft() -> PolicyDraft {
    PolicyDraft(
      issuers: [IssuerRule(issuer: provider.issuer, audiences: ["my-app"], algorithms: AlgorithmSet([.es256]))],
      loginIssuer: LoginIssuer(issuer: login.issuer, audience: "my-app"))
  }

  init(_ change: (inout PolicyDraft) -> Void = { _ in }) {
    var draft = Self.draft()
    change(&draft)
    do { policy = try Policy(draft) } catch { fatalError("\(error.list)") }
  }

  static func keys(_ factories: [TokenFactory] = [provider, login], until: UnixTime? = nil) -> KeySnapshot {
    KeySnapshot(
      factories.map { .init(issuer: $0.issuer, availability: .usable(try! verificationKeys($0), until: until)) })
  }

  static func verificationKeys(_ factory: TokenFactory) throws -> [VerificationKey] {
    try JWKSet([UInt8](factory.jwkSet.utf8).span).keys
  }

  /// A token of the provider, valid at `moment`.
  static func token(
    subject: String? = "alice", audience: String? = "my-app", lifetime: Int64 = 300, extra: String = "",
    header: String? = nil
  ) -> String {
    let claims = provider.claims(
      subject: subject, audience: audience, issuedAt: moment.seconds, lifetime: lifetime, extra: extra)
    return try! provider.token(claims, header: header)
  }

  /// A token of our own, as a passkey login ends in.
  static func ownToken(
    subject: String = "alice", idp: String? = provider.issuer, authenticated: Int64 = 0, extra: String = "",
    type: String = "at+jwt"
  ) -> String {
    var members = [#""acr":"phr","amr":["pop","user"],"auth_time":\#(moment.seconds - authenticated)"#]
    if let idp { members.append(#""idp":"\#(idp)""#) }
    if !extra.isEmpty { members.append(extra) }
    let claims = login.claims(subject: subject, issuedAt: moment.seconds, extra: members.joined(separator: ","))
    return try! login.token(claims, header: #"{"alg":"ES256","typ":"\#(type)","kid":"own-1"}"#)
  }

  mutating func decide(_ head: RequestHead, keysWereJustFetched: Bool = false) -> Decision {
    gate.decide(
      head, facts: policy.facts(peer: PeerAddress(ipv4: 0xC000_0207), listener: 0, isTLS: false), lastToken: &hint,
      policy: policy, keys: keys, revocations: revocations, now: now, keysWereJustFetched: keysWereJustFetched)
  }

  /// What the decision comes to, in one word.
  mutating func outcome(_ head: RequestHead, keysWereJustFetched: Bool = false) -> Outcome {
    Outcome(decide(head, keysWereJustFetched: keysWereJustFetched))
  }

  /// The lines that the app gets, as `name: value`.
  mutating func forwarded(_ head: RequestHead, facts: ConnectionFacts? = nil) -> [String]? {
    guard case .forward(let admission) = decide(head) else { return nil }
    let facts = facts ?? policy.facts(peer: PeerAddress(ipv4: 0xC000_0207), listener: 0, isTLS: false)
    var head = head
    var lines: [FieldLine] = []
    admission.forwardLines(of: &head, facts: facts, into: &lines)
    return lines.map { "\(head.fields.string($0.name)): \(head.fields.string($0.value))" }
  }
}

enum Outcome: Equatable, CustomStringConvertible {
  case identified(String)
  case anonymous
  case `public`
  case served(Endpoint)
  case preflight(Endpoint)
  case refused(Denial)
  case needsKeys(KeyRequest)

  init(_ decision: Decision) {
    self =
      switch decision {
      case .forward(let admission):
        admission.token.map { .identified($0.subject) } ?? (admission.access == .public ? .public : .anonymous)
      case .serve(let call): .served(call.endpoint)
      case .answerPreflight(let preflight): .preflight(preflight.endpoint)
      case .refuse(let denied): .refused(denied.denial)
      case .needsKeys(let request): .needsKeys(request)
      }
  }

  var description: String {
    switch self {
    case .identified(let subject): "identified as \(subject)"
    case .anonymous: "anonymous"
    case .public: "public"
    case .served(let endpoint): "served by \(endpoint)"
    case .preflight(let endpoint): "preflight of \(endpoint)"
    case .refused(let denial): "refused: \(denial)"
    case .needsKeys(let request): "needs keys: \(request)"
    }
  }
}

extension RequestHead {
  /// A head as a codec would make it.
  init(
    _ method: String = "GET", _ target: String = "/", _ fields: [(String, String)] = [], bearer: String? = nil,
    version: ProtocolVersion = .http2, authority: String = "app.test", upgrade: String? = nil, hasBody: Bool = false
  ) {
    self.init()
    self.version = version
    self.hasBody = hasBody
    methodName = self.fields.store(method)
    self.method = Method(self.fields.bytes.span.extracting(methodName.range))
    self.authority = self.fields.store(authority)
    let start = self.fields.bytes.count
    _ = self.fields.store(target)
    let bytes = [UInt8](target.utf8)
    if let mark = bytes.firstIndex(of: UInt8(ascii: "?")) {
      path = Slice(start: start, count: mark)
      query = Slice(start: start + mark + 1, count: bytes.count - mark - 1)
      hasQuery = true
    } else {
      path = Slice(start: start, count: bytes.count)
    }
    if let upgrade { upgradeProtocol = self.fields.store(upgrade) }
    for (name, value) in fields { add(name, value) }
    if let bearer { add("authorization", "Bearer " + bearer) }
  }

  mutating func add(_ name: String, _ value: String) {
    fields.append(name: [UInt8](name.utf8).span, value: [UInt8](value.utf8).span)
  }
}
