import Gate
import Glibc
import HTTP
import JOSE
import OpenSSL

/// What the pure rooms cost, each as the best of many rounds, in microseconds: run it on a machine that is at rest.
@main struct Timings {
  static let secret = [UInt8](repeating: 0x73, count: 64)
  static let moment = UnixTime(seconds: 1_800_000_000)

  static func main() {
    claims()
    rules()
    tokens()
  }

  /// The least time of one call in rounds of `count` calls.
  static func measure(_ name: String, count: Int = 2000, rounds: Int = 60, _ body: () -> Void) {
    var best = Int64.max
    for _ in 0..<rounds {
      let start = nanoseconds()
      for _ in 0..<count { body() }
      best = min(best, nanoseconds() - start)
    }
    let hundredths = best / Int64(count) / 10
    let padding = String(repeating: " ", count: max(1, 64 - name.count))
    print("\(name)\(padding)\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)")
  }

  private static func nanoseconds() -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  // MARK: Claims documents of the largest size

  static func claims() {
    // A token of 16 KiB carries claims of at most 12,288 bytes, less header and signature.
    let limit = 12_200
    let documents: [(String, String)] = [
      ("one long string", #"{"a":""# + String(repeating: "x", count: limit - 10) + #""}"#),
      ("escapes", #"{"a":""# + String(repeating: #"\u00e9"#, count: limit / 6 - 3) + #""}"#),
      ("many members", "{" + (0..<limit / 9).map { #""\#($0)":1"# }.joined(separator: ",").prefix(limit - 10) + "}"),
      ("short members", "{" + (0..<1600).map { #""\#(String($0, radix: 36))":1"# }.joined(separator: ",") + "}"),
      ("empty arrays", #"{"a":["# + String(repeating: "[],", count: limit / 3 - 6) + "[]]}"),
      ("digits", #"{"a":["# + String(repeating: "1,", count: limit / 2 - 6) + "1]}"),
      ("long numbers", #"{"a":["# + String(repeating: "0.12345678901234567890e-10,", count: limit / 27 - 1) + "1]}"),
      ("depth", #"{"a":"# + String(repeating: "[", count: 30) + String(repeating: "]", count: 30) + "}"),
      ("names of equal beginnings", "{" + (1000..<1400).map { #""\#(String(repeating: "n", count: 20))\#($0)":1"# }.joined(separator: ",") + "}"),
    ]
    for (name, document) in documents {
      let bytes = Array(document.utf8)
      var parsed = JSONDocument()
      var isAccepted = false
      measure("claims, \(name), \(bytes.count) bytes", count: 50, rounds: 40) {
        isAccepted = (try? parsed.parse(bytes.span)) != nil
      }
      if !isAccepted { print("  (refused)") }
    }
  }

  // MARK: Rules

  static func policy(_ routes: [RouteRule]) -> Policy {
    try! Policy(
      PolicyDraft(
        issuers: [IssuerRule(issuer: "https://idp.test/", audiences: ["my-app"], algorithms: [.hs256])], routes: routes))
  }

  static func head(_ target: String, token: [UInt8]? = nil) -> RequestHead {
    var head = RequestHead()
    head.method = .get
    head.methodName = head.fields.store("GET")
    head.authority = head.fields.store("app.test")
    head.path = head.fields.store(target)
    if let token {
      let name = Array("authorization".utf8)
      let value = Array("Bearer ".utf8) + token
      head.fields.append(name: name.span, value: value.span)
    }
    return head
  }

  static func decide(_ name: String, _ policy: Policy, _ head: RequestHead, _ keys: KeySnapshot = .empty) {
    var gate = Gate(seed: 1)
    var hint = TokenHint()
    let facts = policy.facts(peer: PeerAddress(ipv4: 0x7F00_0001), listener: 0, isTLS: false)
    var forwarded = 0
    measure(name) {
      let decision = gate.decide(
        head, facts: facts, lastToken: &hint, policy: policy, keys: keys, revocations: .none, now: moment)
      if case .forward = decision { forwarded += 1 }
    }
  }

  static func rules() {
    let admin = [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))]
    let apart = (0..<99).map { RouteRule(path: "/section\($0)/*/detail", claims: admin) }
    let alike = (0..<99).map { RouteRule(path: "/api/v1/section\($0)/**", claims: admin) }
    let open = RouteRule(path: "/**", access: .public)
    for (name, rules) in [("apart", apart), ("of one prefix", alike)] {
      let policy = policy(rules + [open])
      let path = name == "apart" ? "/files/x/list" : "/api/v1/files/x"
      decide("decision, 100 rules \(name), plain path", policy, head(path))
      decide("decision, 100 rules \(name), capital letters", policy, head(path.uppercased()))
      decide("decision, 100 rules \(name), extension", policy, head(path + ".json"))
      decide("decision, 100 rules \(name), every feature", policy, head(path + "//A%2Fb;c/d.json/"))
    }
    decide("decision, 1 rule, plain path", self.policy([open]), head("/files/x/list"))
  }

  // MARK: Tokens

  static func tokens() {
    let claims = #"{"iss":"https://idp.test/","sub":"alice","aud":"my-app","iat":1799999900,"exp":1800000300}"#
    let key = try! MessageAuthenticationKey(secret: secret.span, hash: .sha256)
    let header = Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8)
    let payload = Array(claims.utf8)
    let input = Array((Base64URL.encode(header.span) + "." + Base64URL.encode(payload.span)).utf8)
    let tag = key.tag(over: input.span)
    let token = input + Array(".".utf8) + Array(Base64URL.encode(tag.span).utf8)
    let verification = try! VerificationKey(secret: secret.span)
    let keys = KeySnapshot([.init(issuer: "https://idp.test/", availability: .usable([verification], until: nil))])
    decide("decision, no rule, token seen before", policy([]), head("/files/x/list", token: token), keys)
    var reader = TokenReader()
    measure("token read and verified, HS256") {
      try! reader.read(token.span, maximumBytes: 16_384)
      _ = try! reader.verify(with: verification)
    }
  }
}
