import Testing

@testable import Settings

@Suite struct CrossChecksTests {
  private func issuers(_ members: String...) -> String {
    changed(
      "issuers:\n"
        + members.enumerated().map { index, member in
          "  - {issuer: \"https://idp\(index)\", audiences: [a], keys: {url: https://idp\(index)/jwks}\(member.isEmpty ? "" : ", " + member)}"
        }.joined(separator: "\n"))
  }

  @Test func `several issuers need prefixes of their own`() {
    #expect(problems(issuers("", "")).count == 2)
    #expect(problem(issuers("subjectPrefix: a-", "")).contains("issuers[1].subjectPrefix: needs a subjectPrefix"))
    #expect(problems(issuers("subjectPrefix: a-", "subjectPrefix: b-")).isEmpty)
  }

  @Test(arguments: [("a", "a"), ("a", "ab"), ("ab", "a")])
  func `prefixes of which one begins as the other do not keep subjects apart`(first: String, second: String) {
    #expect(
      problem(issuers("subjectPrefix: \(first)", "subjectPrefix: \(second)")).contains(
        "begins like that of another issuer"))
  }

  @Test func `an issuer may share the subjects of another, which then needs no prefix`() throws {
    let loaded = try read(issuers("", "sharesSubjectsWith: \"https://idp0\""))
    #expect(loaded.settings.issuers[1].sharesSubjectsWith == "https://idp0")
  }

  @Test(arguments: [
    ("", "sharesSubjectsWith: \"https://idp1\"", "itself shares subjects"),
    ("", "sharesSubjectsWith: \"https://idp9\"", "names an issuer that is not configured"),
    ("sharesSubjectsWith: \"https://idp1\"", "sharesSubjectsWith: \"https://idp0\"", "itself shares subjects"),
    ("", "subjectPrefix: b-, sharesSubjectsWith: \"https://idp0\"", "has a subjectPrefix and sharesSubjectsWith"),
  ])
  func `subjects are shared with one other issuer that has its own`(first: String, second: String, message: String) {
    #expect(problem(issuers(first, second)).contains(message))
  }

  @Test func `an issuer is configured once`() {
    let twice = "{issuer: https://idp, audiences: [a], keys: {url: https://idp/jwks}, subjectPrefix: "
    #expect(problem(changed("issuers: [\(twice)a-}, \(twice)b-}]")).contains("issuers[1].issuer: is used elsewhere"))
  }

  @Test(arguments: [("X-User-ID", "is the same as"), ("Host", "has a meaning of its own"), ("X A", "is no field")])
  func `an assertion has a field of its own`(field: String, message: String) {
    let text = problem(good + "identity: {assertion: {audience: the-app, field: \(field)}}\n")
    #expect(text.contains(": identity.assertion.field: ") && text.contains(message), "\(text)")
  }

  @Test func `our own issuer differs from the configured ones`() {
    let text = problem(changed("login: {token: {issuer: https://idp.example.com/, audience: my-app}}"))
    #expect(
      text == "f.yaml:5:17: login.token.issuer: is also a configured issuer; tokens of the two could not be told apart")
  }

  @Test(arguments: [
    ("email", "", "", false), ("email", "identifierIsSubject: true", "", true), ("sub", "", "", true),
    ("sub", "", "subjectPrefix: a-", true),
  ])
  func `an identifier stands for the subject only where it is one`(
    identifier: String, member: String, issuer: String, isAccepted: Bool
  ) {
    let text = changed(
      """
      connect: {identifier: \(identifier)}
      issuers: [{issuer: https://idp.example.com/, audiences: [my-app], keys: {url: https://idp.example.com/jwks}\(issuer.isEmpty ? "" : ", " + issuer)}]
      login: {identity: {unlinked: identifier\(member.isEmpty ? "" : ", " + member)}, token: {issuer: https://app.example.com, audience: my-app}}
      """)
    #expect(problems(text).isEmpty == isAccepted, "\(problem(text))")
  }

  @Test func `a client cannot be let write a field of identity`() {
    let text = problem(changed("identity: {fields: {X-User-ID: sub}, passThrough: [x_user_id]}"))
    #expect(text.contains("identity.passThrough[0]: is written by the sidecar itself"))
  }

  @Test func `one address is listened on once`() {
    #expect(
      problem(changed("listen: [{address: 127.0.0.1:8080}, {address: 127.0.0.1:8080}]")).contains(
        "listen[1].address: 127.0.0.1:8080 is listened on already"))
    #expect(
      problem(changed("probes: {address: 127.0.0.1:8080}")).contains(
        "probes.address: 127.0.0.1:8080 is listened on already"))
  }

  @Test func `a problem of one key hides none of another`() {
    let text = problems(issuers("leeway: 1", "").replacing("audience: my-app", with: "audience: 1"))
    #expect(
      text.map { $0.split(separator: " ")[1] } == [
        "login.token.audience:", "issuers[0].subjectPrefix:", "issuers[0].leeway:", "issuers[1].subjectPrefix:",
      ], "\(text)")
  }

  @Test(arguments: [
    (
      "login: {identity: {remember: [email, roles]}, token: {issuer: https://app.example.com, audience: my-app}}",
      "login.identity.remember[1]"
    ),
    (
      "login: {identity: {remember: [realm_access.roles]}, token: {issuer: https://app.example.com, audience: my-app}}",
      "login.identity.remember[0]"
    ),
    ("login: {token: {issuer: https://app.example.com, audience: my-app, lifetime: 2d}}", "login.token.lifetime"),
    ("identity: {authorization: keep}", "identity.authorization"),
    ("identity: {fields: {X-Mail: email}}", "identity.fields"),
    ("identity: {fields: {X_User: sub}}", "identity.fields.X_User"),
    ("probes: {address: 0.0.0.0:9901}", "probes.address"),
    ("listen: [{address: 127.0.0.1:80, trustedProxies: [0.0.0.0/0]}]", "listen[0].trustedProxies"),
    ("listen: [{address: 127.0.0.1:80, trustedProxies: [\"::/0\"]}]", "listen[0].trustedProxies"),
    ("listen: [{address: \"unix:s\", trustedProxies: [127.0.0.1]}]", "listen[0].trustedProxies"),
    ("routes: [{path: /**, access: public}]", "routes[0].path"),
    ("routes: [{path: /a}, {path: /a, access: public}]", "routes[1].path"),
    ("routes: [{path: /auth/x}]", "routes[0].path"),
    ("cors: {origins: [http://app.example.com]}", "cors.origins"),
    ("limits: {streamWindow: 2MiB}", "limits.connectionWindow"),
    ("limits: {headerSection: 8KiB}", "limits.token"),
    ("corbado: {projectID: pro-1, apiSecret: {env: SECRET}, verify: {username: omit}}", "corbado.verify.username"),
    (
      "corbado: {projectID: pro-1, apiSecret: {env: SECRET}, backendAPI: http://c.example, allowCleartext: true}",
      "corbado.allowCleartext"
    ),
  ])
  func `what will bite is warned of`(lines: String, key: String) throws {
    #expect(try read(changed(lines)).warnings.map(\.key).filter { $0 != "state.sqlite" } == [key])
  }
}
