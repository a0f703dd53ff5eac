import HTTP
import JOSE
import OpenSSL
import TestPeers
import Testing

@testable import Gate

@Suite struct `Token verification` {
  static func outcome(_ token: String, _ change: (inout PolicyDraft) -> Void = { _ in }) -> Outcome {
    var fixture = Fixture(change)
    return fixture.outcome(RequestHead(bearer: token))
  }

  static func claims(_ members: String) -> String {
    try! Fixture.provider.token("{\(members)}")
  }

  static let iss = #""iss":"https://idp.test/""#
  static let times = #""iat":1800000000,"exp":1800000300"#
  static let full = #""iss":"https://idp.test/","iat":1800000000,"exp":1800000300,"aud":"my-app","sub":"alice""#

  @Test func `a good token is admitted as its subject`() {
    #expect(Self.outcome(Fixture.token()) == .identified("alice"))
  }

  @Test(arguments: [
    (full, Outcome.identified("alice")),
    (#""iat":1800000000,"exp":1800000300,"aud":"my-app","sub":"a""#, .refused(.issuerUnknown)),
    (#""iss":"https://idp.test","exp":1800000300,"aud":"my-app","sub":"a""#, .refused(.issuerUnknown)),
    (#""iss":"HTTPS://idp.test/","exp":1800000300,"aud":"my-app","sub":"a""#, .refused(.issuerUnknown)),
    (#""iss":["https://idp.test/"],"exp":1800000300,"aud":"my-app","sub":"a""#, .refused(.issuerUnknown)),
    (iss + "," + times + #","aud":"other","sub":"a""#, .refused(.audienceMismatch)),
    (iss + "," + times + #","aud":[],"sub":"a""#, .refused(.audienceMismatch)),
    (iss + "," + times + #","sub":"a""#, .refused(.audienceMismatch)),
    (iss + "," + times + #","aud":["x","my-app"],"sub":"a""#, .identified("a")),
    (iss + "," + times + #","aud":"my-app""#, .refused(.subjectMissing)),
    (iss + "," + times + #","aud":"my-app","sub":"""#, .refused(.subjectMissing)),
    (iss + "," + times + #","aud":"my-app","sub":7"#, .refused(.claimInvalid)),
    (iss + #","aud":"my-app","sub":"a""#, .refused(.claimInvalid)),
    (iss + #","exp":"1800000300","aud":"my-app","sub":"a""#, .refused(.claimInvalid)),
    (iss + #","exp":1799999970,"aud":"my-app","sub":"a""#, .refused(.tokenExpired)),
    (iss + #","exp":1799999971,"aud":"my-app","sub":"a""#, .identified("a")),
    (iss + #","exp":1800000300,"nbf":1800000031,"aud":"my-app","sub":"a""#, .refused(.tokenNotYetValid)),
    (iss + #","exp":1800000300,"nbf":1800000030,"aud":"my-app","sub":"a""#, .identified("a")),
    (iss + #","exp":1800000300,"iat":1800000031,"aud":"my-app","sub":"a""#, .refused(.tokenNotYetValid)),
    (iss + #","exp":1800000300.5,"aud":"my-app","sub":"a""#, .identified("a")),
  ])
  func `claims are judged, each with its own reason`(claims: String, expected: Outcome) {
    #expect(Self.outcome(Self.claims(claims)) == expected)
  }

  @Test(arguments: [
    (#"{"alg":"none","kid":"key-1"}"#, Denial.algorithmRefused), (#"{"alg":"RS256","kid":"key-1"}"#, .algorithmRefused),
    (#"{"alg":"ES384","kid":"key-1"}"#, .algorithmRefused), (#"{"alg":"HS256","kid":"key-1"}"#, .algorithmRefused),
    (#"{"alg":"ES256","kid":"key-1","typ":"id-token"}"#, .typeRefused),
    (#"{"alg":"ES256","kid":"key-1","crit":["exp"]}"#, .criticalRefused),
    (#"{"alg":"ES256","kid":"key-1","jwk":{}}"#, .tokenMalformed), (#"{"kid":"key-1"}"#, .tokenMalformed),
    (#"{"alg":"ES256","kid":"key-1"}"#, .tokenMissing),
  ])
  func `headers are judged, each with its own reason`(header: String, expected: Denial) {
    // `tokenMissing` stands for none.
    let outcome = Self.outcome(Fixture.token(header: header))
    #expect(outcome == (expected == .tokenMissing ? .identified("alice") : .refused(expected)))
  }

  @Test(arguments: ["a", "a.b", "a.b.c", "a.b.c.d.e", ".."])
  func `what is no JWS is malformed`(token: String) {
    #expect(Self.outcome(token) == .refused(.tokenMalformed))
  }

  @Test func `any changed signature character is refused`() {
    let token = Array(Fixture.token().utf8)
    let start = token.lastIndex(of: UInt8(ascii: "."))! + 1
    for index in stride(from: start, to: token.count, by: 7) {
      var changed = token
      changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      let outcome = Self.outcome(String(decoding: changed, as: UTF8.self))
      #expect(outcome == .refused(.signatureInvalid) || outcome == .refused(.tokenMalformed))
    }
  }

  @Test func `a token of one issuer with another's key is refused`() throws {
    let mallory = try TokenFactory(issuer: "https://idp.test/", keyID: "key-1")
    let token = try mallory.token(mallory.claims(issuedAt: moment.seconds))
    #expect(Self.outcome(token) == .refused(.signatureInvalid))
    // Our own login key vouches for us only.
    let crossed = try TokenFactory(issuer: "https://idp.test/", keyID: "own-1", privateKey: Fixture.login.privateKey)
    var fixture = Fixture()
    let head = RequestHead(bearer: try crossed.token(crossed.claims(issuedAt: moment.seconds)))
    #expect(fixture.outcome(head, keysWereJustFetched: true) == .refused(.keyUnknown))
  }

  @Test func `the key of an unknown ID is asked for once`() {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token(header: #"{"alg":"ES256","kid":"new"}"#))
    #expect(fixture.outcome(head) == .needsKeys(KeyRequest(issuer: 0, keyID: "new")))
    #expect(fixture.outcome(head, keysWereJustFetched: true) == .refused(.keyUnknown))
  }

  @Test func `a token without key ID is accepted only if exactly one key fits`() throws {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token(header: #"{"alg":"ES256"}"#))
    #expect(fixture.outcome(head) == .identified("alice"))
    let second = try TokenFactory(keyID: "key-2")
    let both = try JWKSet([UInt8](TokenFactory.jwkSet([Fixture.provider, second]).utf8).span).keys
    fixture.keys = KeySnapshot([.init(issuer: "https://idp.test/", availability: .usable(both, until: nil))])
    // Also for the token that is cached by now.
    #expect(fixture.outcome(head) == .refused(.keyUnknown))
  }

  @Test func `before the first keys a request waits, then it is told to come back`() {
    var fixture = Fixture()
    fixture.keys = .empty
    let head = RequestHead(bearer: Fixture.token())
    #expect(fixture.outcome(head) == .needsKeys(KeyRequest(issuer: 0, keyID: nil)))
    #expect(fixture.outcome(head, keysWereJustFetched: true) == .refused(.keysUnavailable))
    fixture.keys = KeySnapshot([.init(issuer: "https://idp.test/", availability: .pending)])
    #expect(fixture.outcome(head) == .needsKeys(KeyRequest(issuer: 0, keyID: nil)))
  }

  @Test func `keys that are too old are not used, cached token or not`() {
    var fixture = Fixture()
    fixture.keys = Fixture.keys(until: moment + .seconds(10))
    let head = RequestHead(bearer: Fixture.token())
    #expect(fixture.outcome(head) == .identified("alice"))
    fixture.now = moment + .seconds(10)
    #expect(fixture.outcome(head) == .refused(.keysUnavailable))
    fixture.keys = KeySnapshot([.init(issuer: "https://idp.test/", availability: .expired)])
    #expect(fixture.outcome(head) == .refused(.keysUnavailable))
    fixture.keys = Fixture.keys()
    #expect(fixture.outcome(head) == .identified("alice"))
  }

  // MARK: Our own tokens

  @Test func `a token of our own passes as the subject that it names`() {
    #expect(Self.outcome(Fixture.ownToken()) == .identified("alice"))
  }

  @Test(arguments: ["JWT", "identity-assertion+jwt", "at+jwts", "jwt+at"])
  func `of our own issuer only access tokens are accepted`(type: String) {
    #expect(Self.outcome(Fixture.ownToken(type: type)) == .refused(.typeRefused))
  }

  @Test func `of our own issuer a token without type is refused`() throws {
    let claims = Fixture.login.claims(issuedAt: moment.seconds, extra: #""idp":"https://idp.test/""#)
    let token = try Fixture.login.token(claims, header: #"{"alg":"ES256","kid":"own-1"}"#)
    #expect(Self.outcome(token) == .refused(.typeRefused))
  }

  @Test func `a token of our own says where its subject is from`() {
    var fixture = Fixture()
    guard case .forward(let admission) = fixture.decide(RequestHead(bearer: Fixture.ownToken())) else {
      Issue.record("refused")
      return
    }
    #expect(admission.token?.subjectIssuer == "https://idp.test/")
    #expect(admission.token?.isOwn == true)
    #expect(Self.outcome(Fixture.ownToken(idp: "https://app.test")) == .identified("alice"))
    #expect(Self.outcome(Fixture.ownToken(idp: "https://gone.test")) == .refused(.issuerUnknown))
    #expect(Self.outcome(Fixture.ownToken(idp: nil)) == .refused(.claimInvalid))
  }

  // MARK: Several issuers

  @Test func `subjects carry the prefix of the issuer that they belong to`() throws {
    let partner = try TokenFactory(issuer: "https://partner.test", keyID: "p")
    let sister = try TokenFactory(issuer: "https://sister.test", keyID: "s")
    var fixture = Fixture { draft in
      draft.issuers[0].subjectPrefix = "idp|"
      draft.issuers.append(
        IssuerRule(
          issuer: "https://partner.test", audiences: [], acceptsAnyAudience: true, algorithms: AlgorithmSet([.es256]),
          subjectPrefix: "partner|"))
      draft.issuers.append(
        IssuerRule(
          issuer: "https://sister.test", otherSpellings: ["sister"], audiences: ["my-app"],
          algorithms: AlgorithmSet([.es256]), sharesSubjectsWith: "https://idp.test/"))
    }
    fixture.keys = Fixture.keys([Fixture.provider, Fixture.login, partner, sister])
    #expect(fixture.outcome(RequestHead(bearer: Fixture.token())) == .identified("idp|alice"))
    let anyAudience = try partner.token(partner.claims(audience: "whatever", issuedAt: moment.seconds))
    #expect(fixture.outcome(RequestHead(bearer: anyAudience)) == .identified("partner|alice"))
    let shared = RequestHead(bearer: try sister.token(sister.claims(issuedAt: moment.seconds)))
    #expect(fixture.outcome(shared) == .identified("idp|alice"))
    guard case .forward(let admission) = fixture.decide(shared) else { return }
    #expect(admission.token?.subjectIssuer == "https://idp.test/")
    #expect(admission.token?.issuer == "https://sister.test")
    // Another spelling of the issuer is the same issuer.
    let spelled = try sister.token(
      sister.claims(issuedAt: moment.seconds).replacing("https://sister.test", with: "sister"))
    #expect(fixture.outcome(RequestHead(bearer: spelled)) == .identified("idp|alice"))
  }

  @Test func `a reader of random bytes never traps and never admits`() {
    var generator = SeededGenerator(seed: 3)
    var fixture = Fixture()
    let good = Array(Fixture.token().utf8)
    for _ in 0..<500 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0x21...0x7E, using: &generator)
      }
      guard bytes != good else { continue }
      let outcome = fixture.outcome(RequestHead(bearer: String(decoding: bytes, as: UTF8.self)))
      if case .identified = outcome { Issue.record("admitted \(String(decoding: bytes, as: UTF8.self))") }
    }
  }
}
