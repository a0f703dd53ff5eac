import HTTPClient
import JOSE
import Testing
import Transport

@testable import Settings

@Suite struct SidecarSettingsTests {
  @Test func `the smallest configuration is good and warns of nothing but its store's folder`() throws {
    let loaded = try read(good)
    #expect(loaded.warnings.map(\.key) == ["state.sqlite"])
    #expect(loaded.watchedFiles == ["f.yaml"])
    #expect(loaded.settings.issuers[0].issuer == "https://idp.example.com/")
    #expect(loaded.settings.state.sqlite == "/nowhere/state.db")
  }

  @Test(arguments: ["listen", "upstream", "corbado", "issuers", "login"])
  func `what has no default is required`(key: String) {
    let text = good.split(separator: "\n").filter { !$0.hasPrefix(key + ":") }.joined(separator: "\n")
    #expect(problem(text).contains("\(key)"))
    #expect(problem(text).contains("is missing"))
  }

  @Test(arguments: [
    "https://backendapi.cloud.corbado.io", "https://backendapi.cloud.corbado.io/",
    "https://backendapi.cloud.corbado.io/v2", "https://backendapi.cloud.corbado.io/v2/",
  ])
  func `the Backend API may be written with or without its version`(url: String) throws {
    let loaded = try read(changed("corbado: {projectID: pro-123, apiSecret: {env: SECRET}, backendAPI: \(url)}"))
    #expect(
      loaded.settings.corbado.backendAPI
        == OutboundURL(isSecure: true, host: "backendapi.cloud.corbado.io", port: 443, target: "/"))
  }

  @Test func `a path in front of the Backend API stays`() throws {
    let loaded = try read(
      changed(
        "corbado: {projectID: pro-123, apiSecret: {env: SECRET}, backendAPI: \"https://proxy.example/corbado/v2/\"}"))
    #expect(loaded.settings.corbado.backendAPI.target == "/corbado")
  }

  @Test(arguments: [
    ("pro-1", true), ("123", false), ("pro-1:2", false), ("pro 1", false), ("prj-1", false), ("\"pro-ä\"", false),
  ])
  func `project IDs begin with pro- and can stand in Basic credentials`(id: String, isAccepted: Bool) {
    #expect(problems(changed("corbado: {projectID: \(id), apiSecret: {env: SECRET}}")).isEmpty == isAccepted)
  }

  @Test(arguments: ["none", "NONE", "rs256", "RSA", "ES256K", "Ed25519", "dir"])
  func `algorithms that there are not are refused`(name: String) {
    #expect(!problems(issuer("algorithms: [\(name)]")).isEmpty)
  }

  @Test func `algorithms are read in order`() throws {
    #expect(try read(issuer("algorithms: [ES256, RS256]")).settings.issuers[0].algorithms == [.es256, .rs256])
  }

  @Test(arguments: [
    "audiences: []", "audiences: my-app", "audiences: [a, a]", "algorithms: []", "leeway: 6m", "emailsAreVerified: yes",
    "issuer: \"\"",
  ])
  func `an issuer that could accept too much is refused`(member: String) {
    #expect(!problems(issuer(member)).isEmpty)
  }

  @Test func `keys over http are refused unless allowed, and then warned of`() throws {
    #expect(
      problem(issuer("keys: {url: http://idp.example.com/jwks}")).contains("issuers[0].keys.url: http is refused here"))
    let loaded = try read(issuer("keys: {url: http://idp.example.com/jwks, allowCleartext: true}"))
    #expect(loaded.warnings.map(\.key).contains("issuers[0].keys.allowCleartext"))
    #expect(
      try read(issuer("keys: {url: http://127.0.0.1:1/jwks, allowCleartext: true}")).warnings.map(\.key) == [
        "state.sqlite"
      ])
  }

  @Test(arguments: [
    ("/health", true), ("/", true), ("/items/*", true), ("/items/*/x", true), ("/assets/**", true), ("/**", true),
    ("/x/", true),
    ("health", false), ("/a*", false), ("/**/a", false), ("/a/../b", false), ("/a/./b", false), ("/a?b", false),
    ("\"*\"", false),
    ("\"/a#b\"", false), ("/a%zz", false), ("/a/%2e%2e", false), ("\"/a b\"", false), ("\"/ä\"", false),
    ("/a\\b", false),
  ])
  func `rules have paths in plain form`(path: String, isAccepted: Bool) {
    #expect(
      problems(changed("routes: [{path: \(path), access: public}]")).isEmpty == isAccepted,
      "\(problem(changed("routes: [{path: \(path), access: public}]")))")
  }

  @Test(arguments: ["/auth", "/a/b", "/.well-known"])
  func `prefixes of our endpoints are plain paths`(prefix: String) throws {
    #expect(try read(changed("endpoints: {prefix: \(prefix)}")).settings.endpoints.prefix == prefix)
  }

  @Test(arguments: ["/", "auth", "/auth/", "/a//b", "/a/..", "/a?b", "\"\"", "/*"])
  func `other prefixes are refused`(prefix: String) {
    #expect(!problems(changed("endpoints: {prefix: \(prefix)}")).isEmpty)
  }

  @Test(arguments: [
    "Host", "content-length", "Transfer-Encoding", "Connection", "Cookie", "Authorization", "X-Forwarded-For",
    "Forwarded", "Via",
    "Sec-Fetch-Site", "Content-Type", "\"X User\"", "\"X-User:\"", "\"\"", "\"X-Üser\"", ":path", "TE", "traceparent",
  ])
  func `identity is not written into fields that mean something else`(name: String) {
    #expect(!problems(changed("identity: {fields: {\(name): sub}}")).isEmpty)
  }

  @Test func `two names that a server may take for one are refused`() {
    #expect(
      problem(changed("identity: {fields: {X-User-ID: sub, x_user_id: email}}")).contains(
        "identity.fields.x_user_id: is the same as an earlier name"))
  }

  @Test func `fields of identity are read in both forms, in order`() throws {
    let fields = try read(
      changed(
        "identity: {fields: {Remote-User: sub, X-Roles: {claim: realm.roles, separator: \"; \", format: json}, X-G: {claim: groups}}}"
      )
    ).settings.identity.fields
    #expect(
      fields == [
        .init(name: "Remote-User", claim: ClaimPath("sub")!, separator: ",", format: .text),
        .init(name: "X-Roles", claim: ClaimPath("realm.roles")!, separator: "; ", format: .json),
        .init(name: "X-G", claim: ClaimPath("groups")!, separator: ",", format: .text),
      ])
  }

  @Test(arguments: [
    "{separator: \",\"}", "{claim: a, separator: \"\"}", "{claim: a, separator: \"\\n\"}",
    "{claim: a, separator: \"%\"}", "{claim: a, format: xml}", "{claim: a, x: 1}", "\"\"", "[a]", "1",
  ])
  func `a field of identity that cannot be written is refused`(value: String) {
    #expect(!problems(changed("identity: {fields: {X-User-ID: \(value)}}")).isEmpty)
  }

  @Test(arguments: [("auto", Workers.automatic), ("1", .count(1)), ("256", .count(256))])
  func `workers are a number or auto`(text: String, expected: Workers) throws {
    #expect(try read(changed("workers: \(text)")).settings.workers == expected)
  }

  @Test(arguments: ["0", "257", "-1", "many", "1.5", "[1]", "true"])
  func `other numbers of workers are refused`(text: String) {
    #expect(!problems(changed("workers: \(text)")).isEmpty)
  }

  @Test(arguments: [
    ("10.0.0.0/8", true), ("192.0.2.1", true), ("\"2001:db8::/32\"", true), ("10.0.0.1/8", false),
    ("10.0.0.0/33", false), ("app", false), ("10", false),
  ])
  func `trusted proxies are addresses`(text: String, isAccepted: Bool) {
    let text = problem(changed("listen: [{address: 127.0.0.1:80, trustedProxies: [\(text)]}]"))
    #expect(text.isEmpty == isAccepted)
    if !isAccepted { #expect(text.hasPrefix("f.yaml:5:51: listen[0].trustedProxies[0]: "), "\(text)") }
  }

  @Test(arguments: [("\"unix:s\"", true), ("127.0.0.1:80", false)])
  func `peers on a Unix socket are trusted by that name, on such a listener`(address: String, isAccepted: Bool) {
    let text = problem(changed("listen: [{address: \(address), trustedProxies: [unix]}]"))
    #expect(text.isEmpty == isAccepted, "\(text)")
    if !isAccepted { #expect(text.contains("listen[0].trustedProxies: `unix` is for"), "\(text)") }
  }

  @Test(arguments: [
    ("https://app.example.com", true), ("http://localhost:3000", true), ("https://app.example.com/", false),
    ("https://App.example.com", false),
    ("https://app.example.com:443", false), ("\"*\"", false), ("\"null\"", false), ("app.example.com", false),
  ])
  func `origins are written as browsers send them`(text: String, isAccepted: Bool) {
    let text = problem(changed("cors: {origins: [\(text)]}"))
    #expect(text.isEmpty == isAccepted)
    if !isAccepted { #expect(text.hasPrefix("f.yaml:6:18: cors.origins[0]: is no origin"), "\(text)") }
  }

  @Test(arguments: ["iss", "exp", "amr"])
  func `claims that minted tokens have of their own are not remembered`(claim: String) {
    #expect(
      problem(
        changed("login: {identity: {remember: [\(claim)]}, token: {issuer: https://app.example.com, audience: my-app}}")
      ).contains("login.identity.remember"))
  }

  private func issuer(_ member: String) -> String {
    let members = [
      "issuer": "https://idp.example.com/", "audiences": "[my-app]", "keys": "{url: https://idp.example.com/jwks}",
    ].filter { !member.hasPrefix($0.key + ":") }
    return changed("issuers: [{" + (members.map { "\($0.key): \($0.value)" } + [member]).joined(separator: ", ") + "}]")
  }
}
