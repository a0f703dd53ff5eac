import Foundation
import Gate
import HTTPClient
import JOSE
import Keys
import Login
import Testing

@testable import Settings

/// That the rooms are told what the file says; what they make of it is tested with them.
@Suite struct RoomsTests {
  @Test func `the Gate is told issuers, rules, endpoints and fields as they stand`() throws {
    let draft = try read(
      changed(
        """
        listen: [{address: 127.0.0.1:80}, {address: 127.0.0.1:81, trustedProxies: [10.0.0.0/8]}]
        issuers:
          - {issuer: a, audiences: [x, y], algorithms: [ES256], leeway: 1s, subjectPrefix: a-, keys: {url: https://a/}}
          - {issuer: b, audiences: [z], sharesSubjectsWith: a, keys: {url: https://b/}}
        endpoints: {prefix: /passkeys, jwks: true}
        routes: [{path: /open/**, access: public}, {path: /closed}]
        identity: {fields: {X-Roles: {claim: realm.roles, separator: ";"}, X-All: {claim: all, format: json}}, authorization: keep, passThrough: [X-Real-IP]}
        cors: {origins: [https://app.example.com]}
        limits: {token: 8KiB}
        """)
    ).settings.policyDraft
    #expect(draft.issuers.map(\.issuer) == ["a", "b"])
    #expect(draft.issuers.map(\.audiences) == [["x", "y"], ["z"]])
    #expect(draft.issuers.map(\.algorithms) == [[.es256], [.rs256]])
    #expect(draft.issuers.map(\.leeway) == [.seconds(1), .seconds(30)])
    #expect(draft.issuers.map(\.subjectPrefix) == ["a-", ""])
    #expect(draft.issuers.map(\.sharesSubjectsWith) == [nil, "a"])
    #expect(!draft.issuers.contains { $0.acceptsAnyAudience || $0.stepUp })
    #expect(draft.loginIssuer?.issuer == "https://app.example.com" && draft.loginIssuer?.audience == "my-app")
    #expect(draft.endpoints.prefix == "/passkeys")
    #expect(draft.endpoints.enabled == [.createConnectToken, .completeLogin, .jwks])
    #expect(draft.routes.map(\.path) == ["/open/**", "/closed"])
    #expect(draft.routes.map(\.access) == [.public, .required])
    #expect(draft.identityFields.map(\.claim) == ["realm.roles", "all"])
    guard case .text(";") = draft.identityFields[0].format, case .json = draft.identityFields[1].format else {
      Issue.record("another format")
      return
    }
    #expect(draft.keepsAuthorization)
    #expect(draft.passThrough == ["X-Real-IP"])
    #expect(draft.corsOrigins == ["https://app.example.com"])
    #expect(draft.trustedProxies == [[], ["10.0.0.0/8"]])
    #expect(draft.credential.tokenBytes == 8192)
  }

  @Test func `Login is told Corbado, connect, identity and token as they stand`() throws {
    let login = try read(
      changed(
        """
        corbado: {projectID: pro-9, apiSecret: {env: SECRET}, backendAPI: https://c.example/v2, timeout: 1s, verify: {path: /v2/passkeys/verifySignedData, username: request}}
        connect: {identifier: sub, displayName: email}
        login:
          identity: {unlinked: identifier, remember: [email]}
          token: {issuer: https://me, audience: app, lifetime: 5m}
        """)
    ).login
    #expect(login.corbado.projectID == "pro-9")
    #expect(login.corbado.backendAPI.host == "c.example" && login.corbado.backendAPI.target == "/")
    #expect(login.corbado.timeout == .seconds(1))
    #expect(login.corbado.verifyPath == "/v2/passkeys/verifySignedData")
    #expect(login.corbado.verifyUsername == .request)
    #expect(login.connect.identifier.text == "sub" && login.connect.displayName.text == "email")
    #expect(login.identity.unlinked == .identifier)
    #expect(login.identity.remember.map(\.text) == ["email"])
    #expect(
      login.token.issuer == "https://me" && login.token.audience == "app" && login.token.lifetime == .seconds(300))
  }

  @Test func `Keys is told the issuers in the order of the policy, ourselves last`() throws {
    let loaded = try read(
      changed(
        """
        issuers:
          - {issuer: a, audiences: [x], subjectPrefix: a-, keys: {url: http://a.example/, allowCleartext: true, refresh: 1m}}
          - {issuer: b, audiences: [x], subjectPrefix: b-, keys: {url: https://b.example/jwks}}
        """))
    #expect(loaded.keys.issuers.map(\.issuer) == loaded.policy.issuerNames)
    #expect(loaded.keys.issuers.map(\.issuer) == ["a", "b", "https://app.example.com"])
    #expect(loaded.keys.issuers.map(\.refresh) == [.seconds(60), .seconds(600), .seconds(600)])
    #expect(loaded.keys.issuers.map(\.allowsCleartext) == [true, false, false])
    guard case .url(let url) = loaded.keys.issuers[1].source, case .fixed(let keys) = loaded.keys.issuers[2].source
    else {
      Issue.record("another source")
      return
    }
    #expect(url.host == "b.example" && url.target == "/jwks")
    #expect(keys.isEmpty)
  }

  @Test(arguments: [("auto", OriginSettings.Choice.auto), ("http2", .http2), ("http1", .http1)])
  func `the client is told how the app is reached`(word: String, choice: OriginSettings.Choice) throws {
    let settings = try read(
      changed(
        """
        upstream: {url: \"http://[::1]:3000/\", protocol: \(word), timeouts: {connect: 1s, responseHead: 2s, keepAlive: 3s}}
        limits: {streamWindow: 128KiB, connectionWindow: 2MiB, fields: 99}
        """)
    ).settings
    let origin = settings.upstreamOrigin
    #expect(origin.authority == Array("[::1]:3000".utf8))
    #expect(origin.choice == choice)
    #expect(origin.connect == .seconds(1) && origin.responseHead == .seconds(2) && origin.keepAlive == .seconds(3))
    #expect(origin.streamWindowBytes == 131_072)
    #expect(settings.clientLimits.connectionWindowBytes == 2_097_152)
    #expect(settings.clientLimits.message.fieldCount == 99)
  }

  @Test func `the server is told its limits as they stand`() throws {
    let limits = try read(
      changed(
        """
        limits: {headerSection: 32KiB, fields: 99, requestLine: 2KiB, token: 1KiB, streams: 7, streamWindow: 128KiB, connectionWindow: 512KiB, requestHead: 1s, idle: 2s, bodyIdle: 3s}
        """)
    ).settings.limits.server
    #expect(limits.message == .init(headerSectionBytes: 32_768, fieldCount: 99, requestLineBytes: 2048))
    #expect(limits.streamCount == 7)
    #expect(limits.streamWindowBytes == 131_072 && limits.connectionWindowBytes == 524_288)
    #expect(limits.requestHead == .seconds(1) && limits.idle == .seconds(2) && limits.bodyIdle == .seconds(3))
  }

  @Test func `a signing key comes from a file of the right kind`() throws {
    let folder = try Folder()
    defer { folder.remove() }
    func key(_ name: String) -> String {
      changed("login: {token: {issuer: https://me, audience: app, key: {file: \(name)}}}")
    }
    for (name, curve) in [("p256.pem", "prime256v1"), ("p384.pem", "secp384r1")] {
      let openssl = Process()
      openssl.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
      openssl.arguments = [
        "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(curve)", "-out", folder.path + name,
      ]
      openssl.standardError = FileHandle.nullDevice
      try openssl.run()
      openssl.waitUntilExit()
    }
    try folder.write("text.pem", "no key")
    let loaded = try read(key("p256.pem"), directory: folder.path)
    guard case .provided = loaded.login.token.key else {
      Issue.record("another key")
      return
    }
    #expect(loaded.watchedFiles.contains(folder.path + "p256.pem"))
    for (name, message) in [
      ("p384.pem", "needs a key on P-256"), ("text.pem", "holds no unencrypted private key"),
      ("none.pem", "cannot be read"),
    ] {
      #expect(throws: SettingsRefused.self) { try read(key(name), directory: folder.path) }
      do throws(SettingsRefused) { _ = try read(key(name), directory: folder.path) } catch {
        #expect(error.problems.map(\.key) == ["login.token.key"])
        #expect(error.problems[0].message.contains(message))
      }
    }
  }
}
