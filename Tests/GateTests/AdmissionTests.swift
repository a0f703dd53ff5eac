import HTTP
import JOSE
import Testing

@testable import Gate

@Suite struct `What the app gets` {
  static let token = Fixture.token(extra: #""email":"a@example.com""#)
  /// What the gateway itself writes for a peer that is not trusted.
  static let gateway = [
    "x-forwarded-for: 192.0.2.7", "x-forwarded-proto: http", "x-forwarded-host: app.test",
    #"forwarded: for=192.0.2.7;host="app.test";proto=http"#, "via: 2 passkey-sidecar",
  ]
  static let identity = ["x-user-id: alice", "x-user-email: a@example.com"]

  static func lines(
    _ fields: [(String, String)], bearer: String? = token, target: String = "/x", upgrade: String? = nil,
    version: ProtocolVersion = .http2, authority: String = "app.test",
    peer: PeerAddress? = nil, _ change: (inout PolicyDraft) -> Void = { _ in }
  ) -> [String] {
    var fixture = Fixture { draft in
      draft.routes = [RouteRule(path: "/public", access: .public), RouteRule(path: "/optional", access: .optional)]
      change(&draft)
    }
    let head = RequestHead(
      "GET", target, fields, bearer: bearer, version: version, authority: authority, upgrade: upgrade)
    let facts = peer.map { fixture.policy.facts(peer: $0, listener: 0, isTLS: true) }
    return fixture.forwarded(head, facts: facts) ?? ["\(fixture.outcome(head))"]
  }

  @Test func `the app gets what may pass, the identity, and where the request came from`() {
    let lines = Self.lines([("accept", "*/*"), ("user-agent", "x"), ("x-request-id", "1")])
    #expect(lines == ["accept: */*", "user-agent: x", "x-request-id: 1"] + Self.identity + Self.gateway)
  }

  @Test func `nothing that a client sends passes for an identity or a forwarded field`() {
    let forged = [
      ("x-user-id", "root"), ("x_user_id", "root"), ("x-user.email", "root"), ("forwarded", "for=1.1.1.1"),
      ("x-forwarded-for", "1.1.1.1"), ("x_forwarded_for", "1.1.1.1"), ("x-forwarded-proto", "https"),
      ("x-real-ip", "1.1.1.1"), ("remote-user", "root"), ("proxy", "http://evil"), ("x-original-url", "/admin"),
    ]
    #expect(Self.lines(forged) == Self.identity + Self.gateway)
    #expect(Self.lines(forged, bearer: nil, target: "/public") == Self.gateway)
    #expect(Self.lines(forged, bearer: nil, target: "/optional") == Self.gateway)
  }

  @Test func `a claim that is missing leaves no field, not even a forged one`() {
    let lines = Self.lines([("x-user-email", "root@example.com")], bearer: Fixture.token())
    #expect(lines == ["x-user-id: alice"] + Self.gateway)
  }

  @Test func `what ends at this hop is left out`() {
    let fields = [
      ("connection", "close, X-Hop, te"), ("x-hop", "1"), ("keep-alive", "5"), ("proxy-connection", "x"),
      ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("http2-settings", "x"), ("proxy-authorization", "Basic x"),
      ("host", "app.test"), ("content-length", "5"), ("accept", "*/*"),
    ]
    #expect(Self.lines(fields) == ["accept: */*"] + Self.identity + Self.gateway)
  }

  @Test func `Connection cannot name away what the gateway writes`() {
    let lines = Self.lines([("connection", "x-user-id, x-user-email, x-forwarded-for, forwarded, via")])
    #expect(lines == Self.identity + Self.gateway)
  }

  @Test func `TE passes as trailers only`() {
    #expect(Self.lines([("te", "gzip, trailers;q=1, Trailers")]).last == "te: trailers")
    #expect(Self.lines([("te", "gzip")]) == Self.identity + Self.gateway)
    #expect(Self.lines([("te", "trailers"), ("connection", "te")]).last == "te: trailers")
  }

  @Test func `Expect and Trailer go end to end`() {
    let lines = Self.lines([("expect", "100-continue"), ("trailer", "x-sum")])
    #expect(lines.starts(with: ["expect: 100-continue", "trailer: x-sum"]))
  }

  // MARK: Credentials

  @Test func `Authorization is removed, or kept where the policy says so`() {
    #expect(!Self.lines([]).contains { $0.hasPrefix("authorization") })
    let kept = Self.lines([]) { $0.keepsAuthorization = true }
    #expect(kept.first == "authorization: Bearer " + Self.token)
  }

  @Test func `on a public route Authorization and cookies pass unchanged, without identity`() {
    let lines = Self.lines(
      [("authorization", "Basic dTpw"), ("cookie", "session=\(Self.token); a=1")], bearer: nil, target: "/public"
    ) { $0.credential = CredentialRule(cookie: "session", origins: ["https://app.test"]) }
    #expect(lines == ["authorization: Basic dTpw", "cookie: session=\(Self.token); a=1"] + Self.gateway)
  }

  @Test func `a token that is not vouched for never reaches the app of an optional route`() {
    let keep: (inout PolicyDraft) -> Void = { draft in
      draft.keepsAuthorization = true
      draft.routes = [RouteRule(path: "/optional", access: .optional, badToken: .anonymous)]
    }
    #expect(Self.lines([], bearer: "a.b.c", target: "/optional", keep) == Self.gateway)
    #expect(Self.lines([("authorization", "Basic x")], bearer: nil, target: "/optional", keep) == Self.gateway)
    #expect(Self.lines([], target: "/optional", keep).first == "authorization: Bearer " + Self.token)
  }

  @Test(
    arguments: [
      ("session=TOKEN", nil), ("a=1; session=TOKEN", "a=1"), ("session=TOKEN; a=1", "a=1"),
      ("a=1; session=TOKEN; b=2", "a=1; b=2"), ("a=1;session=TOKEN;b=2", "a=1;b=2"),
      (#"a="x y";  b=%20; session=TOKEN; c"#, #"a="x y";  b=%20; c"#), ("a=1; session = TOKEN", "a=1"),
    ] as [(String, String?)])
  func `the credential cookie is cut out, the others stay byte for byte`(cookie: String, expected: String?) {
    let value = cookie.replacing("TOKEN", with: Self.token)
    let lines = Self.lines([("cookie", value)], bearer: nil) {
      $0.credential = CredentialRule(cookie: "session", origins: ["https://app.test"])
    }
    #expect(lines == (expected.map { ["cookie: " + $0] } ?? []) + Self.identity + Self.gateway)
  }

  @Test func `an Authorization that was nobody's credential is not kept beside a cookie`() {
    let keep: (inout PolicyDraft) -> Void = { draft in
      draft.keepsAuthorization = true
      draft.credential = CredentialRule(cookie: "session", origins: ["https://app.test"])
    }
    let cookie = ("cookie", "session=" + Self.token)
    #expect(Self.lines([cookie, ("authorization", "Basic cm9vdDo=")], bearer: nil, keep) == Self.identity + Self.gateway)
    #expect(Self.lines([cookie], keep).first == "authorization: Bearer " + Self.token)
  }

  @Test func `cookies in several lines are cut each`() {
    let lines = Self.lines([("cookie", "a=1"), ("cookie", "session=" + Self.token), ("cookie", "b=2")], bearer: nil) {
      $0.credential = CredentialRule(cookie: "session", origins: ["https://app.test"])
    }
    #expect(lines == ["cookie: a=1", "cookie: b=2"] + Self.identity + Self.gateway)
  }

  @Test func `the expired cookie of an optional route is cut out and to be deleted`() {
    var fixture = Fixture { draft in
      draft.routes = [RouteRule(path: "/optional", access: .optional)]
      draft.credential = CredentialRule(cookie: "session", origins: ["https://app.test"])
    }
    let head = RequestHead("GET", "/optional", [("cookie", "a=1; session=" + Self.token)])
    fixture.now = moment + .seconds(1000)
    guard case .forward(let admission) = fixture.decide(head) else {
      Issue.record("refused")
      return
    }
    #expect(admission.clearsCredentialCookie)
    #expect(admission.token == nil)
    #expect(fixture.forwarded(head) == ["cookie: a=1"] + Self.gateway)
    // The same token in Authorization is a bad token.
    #expect(fixture.outcome(RequestHead("GET", "/optional", bearer: Self.token)) == .refused(.tokenExpired))
  }

  @Test(
    arguments: [
      ("bearer.TOKEN", nil), ("chat, bearer.TOKEN", "chat"), ("bearer.TOKEN,chat , v2", "chat, v2"),
    ] as [(String, String?)])
  func `the subprotocol credential is cut out`(value: String, expected: String?) {
    let field = ("sec-websocket-protocol", value.replacing("TOKEN", with: Self.token))
    let lines = Self.lines([field], bearer: nil, upgrade: "websocket") { $0.credential.webSocketSubprotocol = true }
    #expect(lines == (expected.map { ["sec-websocket-protocol: " + $0] } ?? []) + Self.identity + Self.gateway)
  }

  // MARK: Forwarded fields

  static func trusting(_ blocks: String...) -> (inout PolicyDraft) -> Void { { $0.trustedProxies = [blocks] } }

  @Test func `a trusted proxy's fields are kept or appended to`() {
    let fields = [
      ("x-forwarded-for", "203.0.113.1"), ("x-forwarded-for", ""), ("x-forwarded-for", "203.0.113.2, 203.0.113.3"),
      ("x-forwarded-proto", "https"),
      ("x-forwarded-host", "public.test"), ("forwarded", "for=203.0.113.1"), ("x-forwarded-port", "443"),
    ]
    let lines = Self.lines(fields, bearer: nil, target: "/public", Self.trusting("192.0.2.0/24"))
    #expect(
      lines == [
        "x-forwarded-for: 203.0.113.1, 203.0.113.2, 203.0.113.3, 192.0.2.7", "x-forwarded-proto: https",
        "x-forwarded-host: public.test", #"forwarded: for=203.0.113.1, for=192.0.2.7;host="app.test";proto=http"#,
        "via: 2 passkey-sidecar",
      ])
    #expect(Self.lines(fields, bearer: nil, target: "/public", Self.trusting("192.0.3.0/24")) == Self.gateway)
  }

  @Test(arguments: [
    (
      "203.0.113.1, 2001:db8::1", #"for=203.0.113.1;host="public.test";proto=https, for="[2001:db8::1]", "#
    ),
    ("[2001:db8::1]:443 ,, 203.0.113.1:80", #"for="[2001:db8::1]:443";host="public.test";proto=https, for="203.0.113.1:80", "#),
    (#"a b"c, _hidden"#, #"for=unknown;host="public.test";proto=https, for=_hidden, "#), ("", ""),
  ])
  func `what a trusted proxy says in the older fields alone, Forwarded says too`(sent: String, told: String) {
    let fields = [("x-forwarded-for", sent), ("x-forwarded-proto", "https"), ("x-forwarded-host", "public.test")]
    let lines = Self.lines(fields, bearer: nil, target: "/public", Self.trusting("192.0.2.0/24"))
    #expect(lines.contains("forwarded: " + told + #"for=192.0.2.7;host="app.test";proto=http"#), "\(lines)")
  }

  @Test func `what even a trusted proxy may not send is written anew`() {
    let fields = [
      ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "a"), ("x-forwarded-host", "b"),
      ("x_forwarded_for", "9.9.9.9"),
    ]
    #expect(Self.lines(fields, bearer: nil, target: "/public", Self.trusting("192.0.2.7")) == Self.gateway)
  }

  @Test(arguments: [
    (PeerAddress(ipv4: 0x7F00_0001), "127.0.0.1", "for=127.0.0.1"),
    (PeerAddress(ipv4: 0xFFFF_FFFF), "255.255.255.255", "for=255.255.255.255"),
    (PeerAddress(high: 0x2001_0DB8_0000_0000, low: 1), "2001:db8::1", #"for="[2001:db8::1]""#),
    (PeerAddress(high: 0, low: 1), "::1", #"for="[::1]""#), (PeerAddress(high: 0, low: 0), "::", #"for="[::]""#),
    (PeerAddress(high: 0xFE80_0000_0000_0000, low: 0), "fe80::", #"for="[fe80::]""#),
    // RFC 5952 §4.2: the first of two equal runs, never a single group.
    (
      PeerAddress(high: 0x2001_0DB8_0000_0000, low: 0x0001_0000_0000_0001), "2001:db8::1:0:0:1",
      #"for="[2001:db8::1:0:0:1]""#
    ),
    (
      PeerAddress(high: 0x2001_0DB8_0000_0001, low: 0x0001_0001_0001_0001), "2001:db8:0:1:1:1:1:1",
      #"for="[2001:db8:0:1:1:1:1:1]""#
    ),
    (PeerAddress.none, "unknown", "for=unknown"),
  ])
  func `the peer's address is written as RFC 5952 and RFC 7239 want it`(
    peer: PeerAddress, text: String, element: String
  ) {
    let lines = Self.lines([], bearer: nil, target: "/public", peer: peer)
    #expect(lines[0] == "x-forwarded-for: " + text)
    #expect(lines[1] == "x-forwarded-proto: https")
    #expect(lines[3] == "forwarded: \(element);host=\"app.test\";proto=https")
  }

  @Test func `a request without authority has no forwarded host`() {
    let lines = Self.lines([], bearer: nil, target: "/public", version: .http10, authority: "")
    #expect(
      lines == [
        "x-forwarded-for: 192.0.2.7", "x-forwarded-proto: http", "forwarded: for=192.0.2.7;proto=http",
        "via: 1.0 passkey-sidecar",
      ])
  }

  @Test func `Via is added to what is there`() {
    let lines = Self.lines([("via", "1.1 edge")], bearer: nil, target: "/public", version: .http11)
    #expect(lines.first == "via: 1.1 edge")
    #expect(lines.last == "via: 1.1 passkey-sidecar")
  }

  @Test func `trailers pass without what the header section alone may hold`() {
    var fixture = Fixture()
    guard case .forward(let admission) = fixture.decide(RequestHead(bearer: Self.token)) else { return }
    var section = FieldSection()
    section.append("grpc-status", "0")
    section.append("x-user-id", "root")
    section.append("x_user_id", "root")
    section.append("cookie", "a=1")
    section.append("content-length", "1")
    var lines: [FieldLine] = []
    admission.forwardTrailerLines(of: section, into: &lines)
    #expect(lines.map { section.string($0.name) } == ["grpc-status"])
  }
}
