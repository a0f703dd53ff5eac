import JOSE
import Testing

@testable import Gate

@Suite struct `Policies` {
  static func errors(_ change: (inout PolicyDraft) -> Void) -> [PolicyError] {
    var draft = Fixture.draft()
    change(&draft)
    do throws(PolicyErrors) {
      _ = try Policy(draft)
      return []
    } catch { return error.list }
  }

  @Test func `the default draft is a policy`() {
    #expect(Self.errors { _ in } == [])
  }

  @Test func `all errors are told at once`() {
    let errors = Self.errors {
      $0.routes = [RouteRule(path: "x"), RouteRule(path: "/ok"), RouteRule(path: "/a*")]
      $0.corsOrigins = ["*"]
      $0.issuers[0].leeway = .seconds(-1)
    }
    #expect(
      errors == [
        .issuer(0, .negative), .route(0, .pathMalformed), .route(2, .wildcardMisplaced),
        .corsOrigin(0, .originMalformed),
      ])
  }

  @Test func `issuers`() {
    #expect(
      Self.errors {
        $0.issuers = []; $0.loginIssuer = nil
      } == [.noIssuer])
    #expect(Self.errors { $0.issuers[0].issuer = "" } == [.issuer(0, .empty)])
    #expect(Self.errors { $0.issuers[0].audiences = [] } == [.issuer(0, .audienceMissing)])
    #expect(Self.errors { $0.issuers[0].acceptsAnyAudience = true } == [.issuer(0, .audienceContradicted)])
    #expect(Self.errors { $0.issuers[0].audiences = ["a", ""] } == [.issuer(0, .empty)])
    #expect(Self.errors { $0.issuers[0].algorithms = [] } == [.issuer(0, .algorithmMissing)])
    #expect(Self.errors { $0.loginIssuer?.issuer = "https://idp.test/" } == [.loginIssuer(.alreadyUsed)])
    #expect(Self.errors { $0.issuers[0].otherSpellings = ["https://app.test"] } == [.loginIssuer(.alreadyUsed)])
    #expect(Self.errors { $0.issuers[0].otherSpellings = ["https://idp.test/"] } == [.issuer(0, .alreadyUsed)])
  }

  static func issuers(_ prefixes: [String?]) -> [PolicyError] {
    errors { draft in
      draft.issuers = prefixes.enumerated().map { index, prefix in
        IssuerRule(
          issuer: "https://\(index).test", audiences: ["a"], subjectPrefix: prefix ?? "",
          sharesSubjectsWith: prefix == nil ? "https://0.test" : nil)
      }
    }
  }

  @Test func `the subjects of several issuers cannot meet`() {
    #expect(Self.issuers([""]) == [])
    #expect(Self.issuers(["a|", "b|"]) == [])
    #expect(Self.issuers(["", nil]) == [])
    #expect(Self.issuers(["a|", nil, "b|"]) == [])
    #expect(Self.issuers(["", ""]) == [.issuer(0, .subjectNamespaceMissing), .issuer(1, .subjectNamespaceMissing)])
    #expect(Self.issuers(["", "b|"]) == [.issuer(0, .subjectNamespaceMissing)])
    #expect(Self.issuers(["a", "a"]) == [.issuer(0, .subjectPrefixOverlaps), .issuer(1, .subjectPrefixOverlaps)])
    // "a" + "b1" is "ab" + "1".
    #expect(Self.issuers(["a", "ab"]) == [.issuer(1, .subjectPrefixOverlaps)])
    #expect(Self.issuers([nil]) == [.issuer(0, .subjectsSharedInTurn)])
  }

  @Test func `shared subjects belong to an issuer that is there`() {
    let gone = Self.errors { $0.issuers[0].sharesSubjectsWith = "https://gone.test" }
    #expect(gone == [.issuer(0, .issuerNotConfigured)])
    let both = Self.errors { draft in
      draft.issuers.append(
        IssuerRule(issuer: "b", audiences: ["a"], subjectPrefix: "b|", sharesSubjectsWith: "https://idp.test/"))
    }
    #expect(both == [.issuer(1, .subjectPrefixUnused)])
  }

  @Test(arguments: [
    (
      RouteRule(path: "/a", access: .public, claims: [ClaimRule(claim: "a", condition: .equals(.boolean(true)))]),
      PolicyError.Problem.restrictionNeedsToken
    ),
    (RouteRule(path: "/a", access: .optional, passkeyWithin: .seconds(1)), .restrictionNeedsToken),
    (RouteRule(path: "/a", access: .public, issuers: ["https://idp.test/"]), .restrictionNeedsToken),
    (RouteRule(path: "/a", access: .public, audiences: ["a"]), .restrictionNeedsToken),
    (RouteRule(path: "/a", badToken: .anonymous), .badTokenNeedsOptional),
    (RouteRule(path: "/a", methods: ["GE T"]), .methodMalformed),
    (RouteRule(path: "/a", methods: [""]), .methodMalformed),
    (RouteRule(path: "/a", issuers: ["https://gone.test"]), .issuerNotConfigured),
    (RouteRule(path: "/a", audiences: [""]), .empty), (RouteRule(path: "/a", passkeyWithin: .seconds(-1)), .negative),
    (RouteRule(path: "/a", claims: [ClaimRule(claim: "", condition: .equals(.text("a")))]), .claimPathMalformed),
    (RouteRule(path: "/a", claims: [ClaimRule(claim: "a", condition: .anyOf([]))]), .conditionEmpty),
    (RouteRule(path: "/a", claims: [ClaimRule(claim: "a", condition: .allOf([]))]), .conditionEmpty),
    (RouteRule(path: "/a", loginPage: "//evil.test"), .loginPageMalformed),
    (RouteRule(path: "/a", loginPage: "/\\evil.test"), .loginPageMalformed),
    (RouteRule(path: "/a", loginPage: "https://evil.test"), .loginPageMalformed),
    (RouteRule(path: "/a", loginPage: "/log in"), .loginPageMalformed),
  ])
  func `a rule that makes no sense is refused`(rule: RouteRule, problem: PolicyError.Problem) {
    #expect(Self.errors { $0.routes = [rule] } == [.route(0, problem)])
  }

  @Test func `credentials`() {
    #expect(Self.errors { $0.credential.cookie = "session" } == [.credential(.originsMissing)])
    #expect(Self.errors { $0.credential.loginSetsCookie = true } == [.credential(.originsMissing)])
    #expect(
      Self.errors { $0.credential = CredentialRule(cookie: "a b", origins: ["https://a.test"]) } == [
        .credential(.nameMalformed)
      ])
    #expect(Self.errors { $0.credential.tokenBytes = 0 } == [.credential(.negative)])
  }

  @Test(arguments: [
    "https://a.test/", "https://A.test", "a.test", "https://", "https://a.test:443", "http://a.test:80", "null", "*",
    "",
    "ftp://a.test", "https://a.test/x", "https://u@a.test", "https://a.test:99999",
  ])
  func `an origin is written as browsers write it`(text: String) {
    #expect(Self.errors { $0.credential.origins = [text] } == [.credential(.originMalformed)])
  }

  @Test(arguments: ["https://a.test", "http://localhost:3000", "https://a.test:8443", "https://[::1]:8443"])
  func `origins`(text: String) {
    #expect(Self.errors { $0.credential.origins = [text] } == [])
  }

  @Test func `identity fields`() {
    func errors(_ fields: IdentityField...) -> [PolicyError] { Self.errors { $0.identityFields = fields } }
    #expect(errors(IdentityField(name: "X User", claim: "sub")) == [.identityField(0, .nameMalformed)])
    #expect(errors(IdentityField(name: "", claim: "sub")) == [.identityField(0, .nameMalformed)])
    for name in ["Host", "content-length", "Cookie", "Authorization", "Via", "X-Forwarded-For", "Connection"] {
      #expect(errors(IdentityField(name: name, claim: "sub")) == [.identityField(0, .nameReserved)])
    }
    let twice = errors(IdentityField(name: "X-User", claim: "sub"), IdentityField(name: "x_user", claim: "email"))
    #expect(twice == [.identityField(1, .repeated)])
    #expect(errors(IdentityField(name: "X-User", claim: "")) == [.identityField(0, .claimPathMalformed)])
    for separator in ["", "%", "é", "\n", ";;", "aba"] {
      let field = IdentityField(name: "X-User", claim: "sub", format: .text(separator: separator))
      #expect(errors(field) == [.identityField(0, .separatorMalformed)])
    }
    for separator in [",", ", ", " ", "|", "; "] {
      #expect(errors(IdentityField(name: "X-User", claim: "sub", format: .text(separator: separator))) == [])
    }
  }

  @Test func `a field that carries something else of ours carries no claim`() {
    let errors = Self.errors {
      $0.identityFields = [IdentityField(name: "X-User-ID", claim: "sub")]
      $0.reservedFields = ["x_user_id"]
    }
    #expect(errors == [.reservedField(0, .repeated)])
  }

  @Test func `what the gateway writes cannot be passed through`() {
    for name in ["X-User-ID", "x_user_id", "X-Forwarded-For", "Forwarded", "Host", "Connection", "content_length"] {
      #expect(Self.errors { $0.passThrough = [name] } == [.passThrough(0, .nameReserved)])
    }
    #expect(Self.errors { $0.passThrough = ["a b"] } == [.passThrough(0, .nameMalformed)])
    #expect(Self.errors { $0.passThrough = ["X-Real-IP"] } == [])
  }

  @Test func `endpoint paths do not overlap in any spelling`() {
    let aliases = Self.errors { $0.endpoints.aliases = [("/AUTH/createconnecttoken/", .completeLogin)] }
    #expect(aliases == [.endpoints(.endpointPathOverlaps)])
    #expect(Self.errors { $0.endpoints.aliases = [("/login*", .completeLogin)] } == [.endpoints(.pathMalformed)])
    #expect(Self.errors { $0.endpoints.prefix = "auth" }.first == .endpoints(.pathMalformed))
    #expect(Self.errors { $0.endpoints.prefix = "/a/../b" }.first == .endpoints(.pathMalformed))
  }

  // MARK: Trusted proxies

  @Test(
    arguments: [
      ("192.0.2.7", 0xC000_0207, true), ("192.0.2.0/24", 0xC000_02FF, true), ("192.0.2.0/24", 0xC000_0300, false),
      ("0.0.0.0/0", 0xFFFF_FFFF, true), ("10.0.0.0/8", 0x0AFF_FFFF, true), ("10.0.0.0/8", 0x0B00_0000, false),
      ("::ffff:192.0.2.0/120", 0xC000_0207, true), ("::/0", 0xC000_0207, true), ("::1", 0xC000_0207, false),
    ] as [(String, UInt32, Bool)])
  func `a block contains its IPv4 addresses`(block: String, address: UInt32, isTrusted: Bool) {
    let policy = Fixture { $0.trustedProxies = [[], [block]] }.policy
    #expect(policy.facts(peer: PeerAddress(ipv4: address), listener: 1, isTLS: false).isTrustedProxy == isTrusted)
    // Another listener, or one that is not there, trusts nobody.
    for listener in [0, 2, -1] {
      #expect(!policy.facts(peer: PeerAddress(ipv4: address), listener: listener, isTLS: false).isTrustedProxy)
    }
  }

  @Test(
    arguments: [
      ("2001:db8::/32", 0x2001_0DB8_FFFF_FFFF, UInt64.max, true), ("2001:db8::/32", 0x2001_0DB9_0000_0000, 0, false),
      ("2001:db8::1", 0x2001_0DB8_0000_0000, 1, true), ("2001:db8::1", 0x2001_0DB8_0000_0000, 2, false),
      ("fe80::/10", 0xFEBF_0000_0000_0000, 7, true), ("2001:db8:0:0:0:0:0:8/125", 0x2001_0DB8_0000_0000, 15, true),
      ("0.0.0.0/0", 0x2001_0DB8_0000_0000, 1, false),
    ] as [(String, UInt64, UInt64, Bool)])
  func `a block contains its IPv6 addresses`(block: String, high: UInt64, low: UInt64, isTrusted: Bool) {
    let policy = Fixture { $0.trustedProxies = [[block]] }.policy
    #expect(
      policy.facts(peer: PeerAddress(high: high, low: low), listener: 0, isTLS: false).isTrustedProxy == isTrusted)
  }

  @Test func `a peer without address is trusted where that is said in so many words`() {
    let policy = Fixture { $0.trustedProxies = [["0.0.0.0/0", "::/0"], ["unix"], []] }.policy
    #expect((0...3).map { policy.facts(peer: .none, listener: $0, isTLS: false).isTrustedProxy } == [false, true, false, false])
    #expect(!policy.facts(peer: PeerAddress(ipv4: 0x7F00_0001), listener: 1, isTLS: false).isTrustedProxy)
  }

  @Test(arguments: [
    "", "a", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "10.0.0.0/", "10.0.0.0/+8", "010.0.0.0", "::/129", "1::2::3",
    "2001:db8::1/32",
    "[::1]", "::1%eth0", "10.0.0.0/8/8", "256.0.0.0", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "10.0.0.0/0000008",
    "::ffff:1.2.3", "Unix", "unix:", "unix/0",
  ])
  func `what is no block is refused`(text: String) {
    #expect(
      Self.errors { $0.trustedProxies = [["127.0.0.1", text]] } == [.trustedProxy(listener: 0, 1, .addressMalformed)])
  }
}
