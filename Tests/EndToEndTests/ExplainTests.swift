import Foundation
import TestPeers
import Testing

/// `explain`: the decision and its reasons, offline, with the token from a file or standard input.
@Suite struct ExplainTests {
  let folder = NSTemporaryDirectory() + "explain-" + UUID().uuidString + "/"
  let issuer: TokenFactory

  init() throws {
    issuer = try TokenFactory()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try write("keys.json", try issuer.jwkSet)
    try write(
      "sidecar.yaml",
      """
      listen: [{address: 127.0.0.1:8080}]
      upstream: {url: http://127.0.0.1:3000}
      corbado: {projectID: pro-1, apiSecret: {env: CORBADO_API_SECRET}}
      issuers:
        - {issuer: "\(issuer.issuer)", audiences: [my-app], algorithms: [ES256], subjectPrefix: i-, keys: {file: keys.json}}
        - {issuer: "https://far.test", audiences: [my-app], algorithms: [ES256], subjectPrefix: f-, keys: {url: https://far.test/jwks}}
      login: {token: {issuer: https://app.example.com, audience: my-app}}
      routes:
        - {path: /health, access: public}
        - {path: /admin/**, claims: {roles: [admin]}}

      """)
  }

  private func write(_ name: String, _ content: String) throws {
    try Data(content.utf8).write(to: URL(fileURLWithPath: folder + name))
  }

  /// - Parameter input: written to standard input, in two halves with a pause between that the reader has to wait out.
  private func explain(
    _ request: String, token: String? = nil, input: String? = nil, _ more: [String] = []
  ) throws -> (code: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: SidecarUnderTest.binary)
    var arguments = ["explain", "--config", folder + "sidecar.yaml"]
    if let token {
      try write("token", token + "\n")
      arguments += ["--token-file", folder + "token"]
    }
    if input != nil { arguments += ["--token-file", "-"] }
    process.arguments = arguments + more + [request]
    process.environment = ["CORBADO_API_SECRET": "corbado1_x"]
    let (output, errors, given) = (Pipe(), Pipe(), Pipe())
    (process.standardOutput, process.standardError, process.standardInput) = (output, errors, given)
    try process.start()
    if let input {
      given.fileHandleForWriting.write(Data(input.utf8))
    }
    try given.fileHandleForWriting.close()
    let texts = [output, errors].map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
    process.waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder + "token")
    return (process.terminationStatus, texts[0], texts[1])
  }

  private func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

  @Test func `an accepted token is explained by every check, its claims and what the app gets`() throws {
    let token = try issuer.token(issuer.claims(extra: #""email":"a@b.c","roles":["admin"]"#))
    let result = try explain("GET /admin/users?x=1", token: token)
    #expect(result.code == 0 && result.errors.isEmpty)
    let lines = lines(result.output)
    #expect(lines.contains("rule: 2, /admin/**, required, claims roles"))
    #expect(lines.contains("signature: GOOD, by the key key-1"))
    for check in ["method", "path", "endpoint", "rule", "credential", "signature", "times", "audience", "subject", "claims"] {
      #expect(lines.contains { $0.hasPrefix("  ok   \(check)") }, "\(check)")
    }
    #expect(lines.contains("decision: forwarded, as i-alice"))
    #expect(lines.contains("  x-user-id: i-alice") && lines.contains("  x-user-email: a@b.c"))
    #expect(!result.output.contains(token))
    // The same, by standard input.
    let other = try explain("GET /admin/users?x=1", input: "  \(token)\n")
    #expect(other.code == 0)
    #expect(other.output.contains("decision: forwarded, as i-alice"), "\(other.output)\(other.errors)")
  }

  @Test func `an expired token has a good signature and says when it ended`() throws {
    let now = Int64(Date().timeIntervalSince1970)
    let result = try explain("GET /x", token: try issuer.token(issuer.claims(issuedAt: now - 7500)))
    #expect(result.code == 0)
    let lines = lines(result.output)
    #expect(lines.contains("signature: GOOD, by the key key-1"))
    #expect(lines.contains("  NO   times        token_expired"))
    #expect(lines.contains { $0.hasPrefix("  exp ") && $0.hasSuffix(" (2 h 0 min ago)") })
    #expect(lines.contains("decision: refused, token_expired; the app gets nothing, the client:"))
    #expect(lines.contains("  401") && lines.contains(#"  www-authenticate: Bearer error="invalid_token""#))
    #expect(lines.last == #"  {"error":"token_expired"}"#)
  }

  @Test func `a token for another audience has a good signature and is refused for that`() throws {
    let lines = lines(try explain("GET /x", token: try issuer.token(issuer.claims(audience: "other"))).output)
    #expect(lines.contains("signature: GOOD, by the key key-1"))
    #expect(lines.contains("  NO   audience     audience_mismatch"))
    #expect(lines.contains("  ok   times        exp, nbf and iat, with a leeway of 30.0 seconds"))
    #expect(lines.contains(#"  aud            "other""#))
  }

  @Test func `what nobody vouches for is said to be so`() throws {
    let far = try TokenFactory(issuer: "https://far.test")
    let result = try explain("GET /x", token: try far.token())
    #expect(result.output.contains("signature: UNVERIFIED, no keys of its issuer are at hand: nobody vouches"))
    #expect(result.output.contains("decision: OPEN: "))
    let forged = try explain("GET /x", token: try TokenFactory().token())
    #expect(forged.output.contains("signature: WRONG: nobody vouches"))
    #expect(forged.output.contains("claims (anybody can have written them):"))
    try write("far.json", try far.jwkSet)
    let known = try explain("GET /x", token: try far.token(), ["--keys", folder + "far.json"])
    #expect(known.output.contains("decision: forwarded, as f-alice"), "\(known.output)")
    // A token's text cannot move the cursor of who reads it.
    let odd = try explain("GET /x", token: try issuer.token(issuer.claims(extra: #""a":"\u001b[2J\u202e""#)))
    #expect(odd.output.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && $0.value != 0x202E })
  }

  @Test func `where the app wants an assertion it is said that there is one, and none is made for the terminal`() throws {
    let text = try String(contentsOfFile: folder + "sidecar.yaml", encoding: .utf8)
    try write("sidecar.yaml", text + "identity: {assertion: {audience: the-app}}\n")
    let result = try explain("GET /x", token: try issuer.token())
    #expect(result.output.contains("decision: forwarded, as i-alice"), "\(result.output)")
    #expect(lines(result.output).contains("  x-identity-assertion: (signed when it is sent)"), "\(result.output)")
    #expect(!result.output.contains("eyJ"))
  }

  @Test func `keys may be fetched`() throws {
    let (far, server) = (try TokenFactory(issuer: "https://far.test"), try JSONServer())
    server.put("/jwks", try far.jwkSet)
    let path = folder + "sidecar.yaml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try write("sidecar.yaml", text.replacing("https://far.test/jwks", with: "http://127.0.0.1:\(server.port)/jwks"))
    let result = try explain("GET /x", token: try far.token(), ["--live"])
    #expect(result.output.contains("decision: forwarded, as f-alice"), "\(result.output)\(result.errors)")
  }

  @Test(arguments: [
    ("GET /health", "rule: 1, /health, public", "decision: forwarded, without an identity"),
    ("GET /HEALTH", "rule: none matches: a token is required", "decision: refused, token_missing"),
    ("GET /a/../b", "rule: none was asked", "decision: refused, path_not_canonical"),
    ("TRACE /", "rule: none was asked", "decision: refused, method_not_allowed"),
    ("POST /auth/createConnectToken", "rule: none was asked", "decision: refused, token_missing"),
  ])
  func `without a token the rule alone is explained`(request: String, rule: String, decision: String) throws {
    let result = try explain(request)
    #expect(result.code == 0)
    #expect(lines(result.output).contains(rule))
    #expect(result.output.contains(decision), "\(result.output)")
  }

  @Test(arguments: ["createConnectToken", "completeLogin"])
  func `our endpoints are asked as a frontend asks them, with JSON`(endpoint: String) throws {
    let result = try explain("POST /auth/\(endpoint)", token: try issuer.token())
    #expect(result.output.contains("decision: served by our own endpoint \(endpoint)"), "\(result.output)")
  }

  @Test(arguments: [
    ["GET"], ["GET x"], ["GET /a b"], ["G(T /a"], [" /a"], ["GET /a", "GET /b"], ["GET /a", "--token", "x"], [],
    ["GET /a", "--token-file", "/nowhere/token"], ["GET /a", "--keys", "/etc/passwd"],
  ])
  func `a question that is none ends with 64`(arguments: [String]) throws {
    let result = try ChildProcess.run(
      "env",
      ["CORBADO_API_SECRET=corbado1_x", SidecarUnderTest.binary, "explain", "--config", folder + "sidecar.yaml"] + arguments)
    #expect(result.code == 64, "\(result.output)")
  }
}
