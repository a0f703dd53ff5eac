import Foundation
import Gate
import JOSE
import Testing

@testable import Settings

/// That the rooms are told what the file says; what they make of it is tested with them.
@Suite struct RoomsTests {
  @Test func `the Gate is told issuers, rules, endpoints and fields as they stand`() throws {
    let draft = try read(changed("""
      listen: [{address: 127.0.0.1:80}, {address: 127.0.0.1:81, trustedProxies: [10.0.0.0/8]}]
      issuers:
        - {issuer: a, audiences: [x, y], algorithms: [ES256], leeway: 1s, subjectPrefix: a-, keys: {url: https://a/}}
        - {issuer: b, audiences: [z], sharesSubjectsWith: a, keys: {url: https://b/}}
      endpoints: {prefix: /passkeys, jwks: true}
      routes: [{path: /open/**, access: public}, {path: /closed}]
      identity: {fields: {X-Roles: {claim: realm.roles, separator: ";"}, X-All: {claim: all, format: json}}, authorization: keep, passThrough: [X-Real-IP]}
      cors: {origins: [https://app.example.com]}
      limits: {token: 8KiB}
      """)).settings.policyDraft
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
    let login = try read(changed("""
      corbado: {projectID: pro-9, apiSecret: {env: SECRET}, backendAPI: https://c.example/v2, timeout: 1s, verify: {path: /v2/passkeys/verifySignedData, username: request}}
      connect: {identifier: sub, displayName: email}
      login:
        identity: {unlinked: identifier, remember: [email]}
        token: {issuer: https://me, audience: app, lifetime: 5m}
      """)).login
    #expect(login.corbado.projectID == "pro-9")
    #expect(login.corbado.backendAPI.host == "c.example" && login.corbado.backendAPI.target == "/")
    #expect(login.corbado.timeout == .seconds(1))
    #expect(login.corbado.verifyPath == "/v2/passkeys/verifySignedData")
    #expect(login.corbado.verifyUsername == .request)
    #expect(login.connect.identifier.text == "sub" && login.connect.displayName.text == "email")
    #expect(login.identity.unlinked == .identifier)
    #expect(login.identity.remember.map(\.text) == ["email"])
    #expect(login.token.issuer == "https://me" && login.token.audience == "app" && login.token.lifetime == .seconds(300))
  }

  @Test func `the server is told its limits as they stand`() throws {
    let limits = try read(changed("""
      limits: {headerSection: 32KiB, fields: 99, requestLine: 2KiB, token: 1KiB, streams: 7, streamWindow: 128KiB, connectionWindow: 512KiB, requestHead: 1s, idle: 2s, bodyIdle: 3s}
      """)).settings.limits.server
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
      openssl.arguments = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(curve)", "-out", folder.path + name]
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
    for (name, message) in [("p384.pem", "needs a key on P-256"), ("text.pem", "holds no unencrypted private key"), ("none.pem", "cannot be read")] {
      #expect(throws: SettingsRefused.self) { try read(key(name), directory: folder.path) }
      do throws(SettingsRefused) { _ = try read(key(name), directory: folder.path) } catch {
        #expect(error.problems.map(\.key) == ["login.token.key"])
        #expect(error.problems[0].message.contains(message))
      }
    }
  }
}
