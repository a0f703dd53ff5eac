import Testing

@testable import Settings

@Suite struct StateSettingsTests {
  private func key(_ folder: Folder) throws -> String {
    try folder.write(
      "key.pem",
      """
      -----BEGIN PRIVATE KEY-----
      MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgppId6VxVZ19xdC7g
      17hVFTUKV7F4Ab4sQAKVaf+m9tahRANCAATsDUGIqbYyJGdpUElx/eept0n6I8Y1
      UjcJLG2Uhphpw9R/CkEnJlVybc6ne6wYun2oOPdyORsQajMuhxKPFkMj
      -----END PRIVATE KEY-----

      """)
    return "login: {token: {issuer: https://app.example.com, audience: my-app, key: {file: \(folder.path)key.pem}}}\n"
  }

  @Test func `a server is read with all that is told of it`() throws {
    let folder = try Folder()
    let text = changed(
      try key(folder)
        + "state: {redis: 'rediss://Redis.example.com/3', username: u, password: {env: SECRET}, prefix: 'p:', replicas: 3}")
    let state = try read(text).settings.state
    #expect(state.replicas == 3)
    #expect(state.redis?.url == RedisURL("rediss://redis.example.com:6379/3"))
    #expect(state.redis?.url.isSecure == true)
    #expect(state.redis?.username == "u")
    #expect(state.redis?.password?.bytes == Array("corbado1_abc".utf8))
    #expect(state.redis?.prefix == "p:")
  }

  @Test(arguments: [
    ("state: {replicas: 2}", "state.replicas: needs state.redis: a SQLite file is one host's"),
    ("state: {redis: 'rediss://r.example.com'}", "login.token.key: generated keys are kept in a SQLite file only"),
    ("state: {redis: 'redis://r.example.com'}", "state.redis: redis: is refused here"),
    ("state: {redis: 'rediss://u:p@r.example.com'}", "state.redis: user and password stand in username and password"),
    ("state: {redis: 'http://r.example.com'}", "state.redis: expected a URL"),
    ("state: {redis: 'unix:/run/redis.sock'}", "state.redis: Unix sockets are not supported for Redis"),
    ("state: {redis: 'rediss://r.example.com/x'}", "state.redis: expected a URL"),
    ("state: {redis: 'rediss://r.example.com', username: u}", "state.username: needs password beside it"),
  ])
  func `what would not hold is refused`(line: String, expected: String) {
    #expect(problem(changed(line)).contains(expected), "\(problem(changed(line)))")
  }

  @Test func `cleartext is for this host, or where it is allowed`() throws {
    let folder = try Folder()
    let key = try key(folder)
    #expect(problems(changed(key + "state: {redis: 'redis://127.0.0.1'}")) == [])
    #expect(problems(changed(key + "state: {redis: 'redis://r.example.com', allowCleartext: true}")) == [])
  }

  @Test func `refresh needs both its keys`() throws {
    let login = "login: {token: {issuer: https://app.example.com, audience: my-app}, refresh: {lifetime: 7d}}\n"
    #expect(problem(changed("endpoints: {refresh: true}")).contains("endpoints.refresh: needs login.refresh"))
    #expect(try read(changed(login)).warnings.map(\.key).contains("login.refresh"))
    let both = try read(changed(login + "endpoints: {refresh: true}"))
    #expect(both.login.token.refreshLifetime == .seconds(7 * 86_400))
    #expect(
      problem(changed("login: {token: {issuer: https://a.example.com, audience: a}, refresh: {lifetime: 60s}}"))
        .contains("login.refresh: lifetime is shorter"))
  }
}
