import Driver
import Gate
import HTTP
import JOSE

/// Any request head at a Gate with rules of every kind. The first line of the input is method and target, the others are
/// field lines.
///
/// Held: what is forwarded has a verified token or an explicit rule that does without; nothing that a client sends passes
/// for a field of ours; the path of a head is not changed by deciding.
enum FuzzGate {
  static let secret = [UInt8](repeating: 0x73, count: 64)
  static let issuer = "https://idp.test/"

  static let policy: Policy = {
    let admin = [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))]
    return try! Policy(
      PolicyDraft(
        issuers: [IssuerRule(issuer: issuer, audiences: ["my-app"], algorithms: [.hs256, .hs384, .hs512], stepUp: true)],
        loginIssuer: LoginIssuer(issuer: "https://app.test", audience: "my-app"),
        credential: CredentialRule(
          cookie: "session", origins: ["https://app.test"], webSocketSubprotocol: true, loginSetsCookie: true),
        routes: [
          RouteRule(path: "/health", methods: ["GET"], access: .public), RouteRule(path: "/public/**", access: .public),
          RouteRule(path: "/admin/**", claims: admin), RouteRule(path: "/bank/*", passkeyWithin: .seconds(300)),
          RouteRule(path: "/maybe", access: .optional),
          RouteRule(path: "/lenient/**", access: .optional, badToken: .anonymous),
          RouteRule(path: "/api/**", forwardsPreflight: true, loginPage: "/login"), RouteRule(path: "/A/b;c", claims: admin),
        ],
        corsOrigins: ["https://app.test"]))
  }()
  static let keys = KeySnapshot([
    .init(issuer: issuer, availability: .usable([try! VerificationKey(secret: secret.span)], until: nil)),
    .init(issuer: "https://app.test", availability: .usable([], until: nil)),
  ])

  static func judge(_ input: [UInt8]) {
    guard let head = head(of: input) else { return }
    var gate = Gate(seed: 1)
    var hint = TokenHint()
    let facts = policy.facts(peer: PeerAddress(ipv4: 0x7F00_0001), listener: 0, isTLS: false)
    let path = Array(head.fields.bytes[head.path.range])
    // Twice: from the cache it must be the same.
    for _ in 0..<2 {
      let decision = gate.decide(
        head, facts: facts, lastToken: &hint, policy: policy, keys: keys, revocations: .none,
        now: UnixTime(seconds: 1_800_000_000), keysWereJustFetched: true)
      guard case .forward(let admission) = decision else { return }
      precondition(admission.token != nil || admission.access != .required || isPreflight(head), "forwarded without a token")
      precondition(admission.rule != nil || admission.access == .required, "opened by no rule")
      precondition(Array(head.fields.bytes[head.path.range]) == path)
      var copy = head
      var lines: [FieldLine] = []
      admission.forwardLines(of: &copy, facts: facts, into: &lines)
      let identity = lines.filter { folded(copy, $0) == "x-user-id" }
      precondition(identity.count == (admission.token == nil ? 0 : 1), "an identity that is not ours")
      for line in identity { precondition(copy.fields.string(line.value) == admission.token?.subject) }
    }
  }

  private static func isPreflight(_ head: RequestHead) -> Bool {
    head.method == .options && head.fields.only(.origin) != nil && head.fields.count(of: .authorization) == 0
  }

  private static func folded(_ head: RequestHead, _ line: FieldLine) -> String {
    String(
      decoding: head.fields.bytes[line.name.range].map { byte -> UInt8 in
        switch byte {
        case 0x30...0x39, 0x61...0x7A: byte
        case 0x41...0x5A: byte | 0x20
        default: 0x2D
        }
      }, as: UTF8.self)
  }

  private static func head(of input: [UInt8]) -> RequestHead? {
    let lines = input.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) }
    guard let first = lines.first, let space = first.firstIndex(of: 0x20) else { return nil }
    let (method, target) = (Array(first[..<space]), Array(first[(space + 1)...]))
    guard FieldSyntax.isToken(method.span) else { return nil }
    var head = RequestHead()
    let empty: [UInt8] = []
    head.method = Method(method.span)
    head.methodName = append(method, to: &head)
    head.authority = head.fields.store("app.test")
    let slice = append(target, to: &head)
    let start = slice.range.lowerBound
    let mark = target.firstIndex(of: 0x3F)
    head.path = Slice(start: start, count: mark ?? target.count)
    if let mark {
      head.query = Slice(start: start + mark + 1, count: target.count - mark - 1)
      head.hasQuery = true
    }
    for line in lines.dropFirst() {
      let colon = line.firstIndex(of: 0x3A) ?? line.count
      let name = line[..<colon].map { FieldSyntax.lowerCased($0) }
      let value = colon < line.count ? Array(line[(colon + 1)...].drop { $0 == 0x20 }) : empty
      guard FieldSyntax.isToken(name.span), value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { continue }
      if name == Array("upgrade".utf8) { head.upgradeProtocol = append(value, to: &head) }
      head.fields.append(name: name.span, value: value.span)
    }
    return head
  }

  private static func append(_ bytes: [UInt8], to head: inout RequestHead) -> Slice {
    let start = head.fields.bytes.count
    head.fields.bytes.append(contentsOf: bytes)
    return Slice(start: start, count: bytes.count)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzGate.judge(unsafe bytes(start, count))
  return 0
}
