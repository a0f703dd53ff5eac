import Foundation
import OpenSSL
import TestPeers
import Testing

/// Whole logins through the built binary, in front of apps that know nothing of it.
@Suite struct LoginTests {
  private static let python = "/usr/bin/python3"

  /// A Flask app as it is in the field: it verifies its users' tokens itself, with PyJWT and the issuer's public key.
  private static let flask = """
    import os, jwt
    from flask import Flask, request, jsonify
    app = Flask(__name__)
    KEY = open(os.environ["KEY"]).read()
    @app.get("/me")
    def me():
        token = request.headers["Authorization"].split()[1]
        claims = jwt.decode(token, KEY, algorithms=["RS256"], audience="my-app", issuer="https://idp.test/")
        return jsonify(user=claims["user_id"], mail=claims.get("email"))
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
    """

  /// The same with Node and nothing but Node's own crypto.
  private static let node = """
    const http = require('http'), crypto = require('crypto'), fs = require('fs')
    const key = fs.readFileSync(process.env.KEY)
    http.createServer((request, response) => {
      try {
        const [header, payload, signature] = request.headers.authorization.split(' ')[1].split('.')
        if (JSON.parse(Buffer.from(header, 'base64url')).alg !== 'HS256') throw new Error('alg')
        const tag = crypto.createHmac('sha256', key).update(header + '.' + payload).digest()
        if (!crypto.timingSafeEqual(tag, Buffer.from(signature, 'base64url'))) throw new Error('signature')
        const claims = JSON.parse(Buffer.from(payload, 'base64url'))
        if (claims.iss !== 'https://idp.test/' || claims.aud !== 'my-app' || claims.exp < Date.now() / 1000) throw new Error('claims')
        response.end(JSON.stringify({user: claims.user_id, mail: claims.email}))
      } catch (error) { response.statusCode = 401; response.end(String(error)) }
    }).listen(process.env.PORT, '127.0.0.1')
    """

  /// Signs in conventionally, adds a passkey, signs in with it; what the app said of the user each time.
  private func walk(_ sidecar: SidecarUnderTest, _ emulator: EmulatorProcess, token: String) throws -> (Any?, Any?) {
    let before = try sidecar.get("/me", token: token)
    #expect(before.status == 200, "\(String(decoding: before.body, as: UTF8.self))")
    let append = try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"passkey-append"}"#, token: token)
    #expect(append.status == 200, "\(sidecar.events)")
    let data = try emulator.signedPasskeyData(for: "alice@example.com")
    let login = try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
    let minted = try #require(login.json["accessToken"] as? String, "\(sidecar.events)")
    let after = try sidecar.get("/me", token: minted)
    #expect(after.status == 200, "\(String(decoding: after.body, as: UTF8.self))")
    // The app's own kind of token, and yet one of ours: it lists passkeys under the identifier that it came from.
    #expect(try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"passkey-list"}"#, token: minted).status == 200)
    #expect(before.json["mail"] as? String == after.json["mail"] as? String)
    return (before.json["user"], after.json["user"])
  }

  private func started(_ process: ChildProcess, _ port: UInt16) throws {
    let isThere = eventually { process.ending(within: 0) != nil || (try? RawConnection(port: port)) != nil ? true : nil }
    try #require(isThere == true && process.ending(within: 0) == nil, "the app did not start")
  }

  @Test func `an app that verifies RS256 tokens with PyJWT sees the same user either way`() throws {
    let emulator = try EmulatorProcess()
    let issuer = try TokenFactory(algorithm: .rs256)
    let keys = try LoopbackServer { [jwks = try issuer.jwkSet] connection in
      guard (try? connection.readHead()) != nil else { return }
      try? connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(jwks.utf8.count)\r\nConnection: close\r\n\r\n\(jwks)")
    }
    let port = try LoopbackServer.freePort()
    var app: ChildProcess?
    let sidecar = try SidecarUnderTest(app: port) { text, folder in
      let pem = String(decoding: try issuer.privateKey.pem(), as: UTF8.self)
      try Data(pem.utf8).write(to: URL(fileURLWithPath: folder + "/key.pem"))
      let made = try ChildProcess.run("openssl", ["pkey", "-in", folder + "/key.pem", "-pubout", "-out", folder + "/public.pem"])
      #expect(made.code == 0, "\(made.output)")
      try Data(Self.flask.utf8).write(to: URL(fileURLWithPath: folder + "/app.py"))
      app = try ChildProcess(
        Self.python, [folder + "/app.py"],
        environment: ["KEY": folder + "/public.pem", "PORT": "\(port)", "PYTHONDONTWRITEBYTECODE": "1"])
      return text.replacing(sections: [
        "corbado": emulator.corbado(),
        "issuers": """
          issuers:
            - {issuer: "https://idp.test/", audiences: [my-app], keys: {url: "http://127.0.0.1:\(keys.port)/jwks"}, emailsAreVerified: true}
          identity: {authorization: keep}
          """,
        "login": """
          login:
            token:
              issuer: https://app.example.com
              audience: my-app
              as: {issuer: "https://idp.test/", algorithm: RS256, key: {file: key.pem}, keyID: key-1, claims: {user_id: sub}}
          """,
      ])
    }
    try started(try #require(app), port)
    let token = try issuer.token(issuer.claims(extra: #""email":"alice@example.com","user_id":"alice""#))
    let (before, after) = try walk(sidecar, emulator, token: token)
    #expect(before as? String == "alice" && after as? String == "alice")
  }

  @Test func `an app that verifies HS256 tokens with Node sees the same user either way`() throws {
    let emulator = try EmulatorProcess()
    let secret = String(repeating: "s", count: 32)
    let port = try LoopbackServer.freePort()
    var app: ChildProcess?
    let sidecar = try SidecarUnderTest(app: port) { text, folder in
      try Data(secret.utf8).write(to: URL(fileURLWithPath: folder + "/secret"))
      try Data(Self.node.utf8).write(to: URL(fileURLWithPath: folder + "/app.js"))
      app = try ChildProcess("node", [folder + "/app.js"], environment: ["KEY": folder + "/secret", "PORT": "\(port)"])
      return text.replacing(sections: [
        "corbado": emulator.corbado(),
        "issuers": """
          issuers:
            - {issuer: "https://idp.test/", audiences: [my-app], algorithms: [HS256], keys: {secret: {file: secret}}, emailsAreVerified: true}
          identity: {authorization: keep}
          """,
        "login": """
          login:
            token:
              issuer: https://app.example.com
              audience: my-app
              as: {issuer: "https://idp.test/", algorithm: HS256, key: {file: secret}, claims: {user_id: sub}}
          """,
      ])
    }
    try started(try #require(app), port)
    let now = Int64(Date().timeIntervalSince1970)
    let claims =
      #"{"iss":"https://idp.test/","aud":"my-app","sub":"alice","user_id":"alice","email":"alice@example.com","iat":\#(now),"exp":\#(now + 300)}"#
    let input = "\(TokenFactory.base64URL(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))).\(TokenFactory.base64URL(Array(claims.utf8)))"
    let key = try MessageAuthenticationKey(secret: Array(secret.utf8).span, hash: .sha256)
    let token = "\(input).\(TokenFactory.base64URL(key.tag(over: Array(input.utf8).span)))"
    let (before, after) = try walk(sidecar, emulator, token: token)
    #expect(before as? String == "alice" && after as? String == "alice")
  }

  @Test func `an app that wants proof of the identity verifies it with PyJWT by our published keys`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in
      text + "identity: {assertion: {audience: the-app}}\nendpoints: {jwks: true}\n"
    }
    let answer = try #require(
      try eventually {
        let answer = try sidecar.ask("GET", "/x", "X-Identity-Assertion: forged\r\n")
        return answer.status == 200 ? answer : nil
      })
    let head = String(decoding: answer.body, as: UTF8.self)
    let assertion = try #require(
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("x-identity-assertion: ") }?.split(separator: " ").last)
    let verify = """
      import sys, json, urllib.request, jwt
      keys = json.load(urllib.request.urlopen(sys.argv[1]))
      header = jwt.get_unverified_header(sys.argv[2])
      key = [k for k in keys["keys"] if k["kid"] == header["kid"]][0]
      claims = jwt.decode(sys.argv[2], jwt.PyJWK(key).key, algorithms=["ES256"], audience="the-app", issuer="https://app.example.com")
      print(header["typ"], claims["sub"], claims["email"], claims["exp"] - claims["iat"])
      """
    let verified = try ChildProcess.run(
      Self.python, ["-c", verify, "http://127.0.0.1:\(sidecar.port)/auth/jwks.json", String(assertion)])
    #expect(verified.output == "identity-assertion+jwt alice alice@example.com 60\n", "\(verified.output)")
    // Proof for the app is no credential here.
    #expect(try sidecar.get("/x", token: String(assertion)).status == 401)
    #expect(try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"passkey-list"}"#, token: String(assertion)).status == 401)
  }

  // MARK: Frontends

  @Test func `strict frontends get exactly the documented members, without cookie and Origin`() throws {
    let emulator = try EmulatorProcess()
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in text.replacing(sections: ["corbado": emulator.corbado()]) }
    let token = try sidecar.issuer.first.token(sidecar.claims)
    for type in ["passkey-append", "passkey-list", "passkey-delete"] {
      let answer = try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"\#(type)"}"#, token: token)
      #expect(answer.status == 200 && Array(answer.json.keys) == ["connectToken"])
      #expect(answer.json["connectToken"] is String)
      #expect(!answer.fields.contains { $0.name == "set-cookie" })
    }
    let data = try emulator.signedPasskeyData(for: "alice@example.com")
    let login = try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
    #expect(login.json.keys.sorted() == ["accessToken", "success"] && login.json["success"] as? Bool == true)
    #expect(!login.fields.contains { $0.name == "set-cookie" })
    let again = try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
    #expect(again.status == 401 && again.json.keys.sorted() == ["error", "success"])
    #expect(try sidecar.get("/me", token: try #require(login.json["accessToken"] as? String)).status == 200)
  }

  @Test func `a route that wants a recent passkey login takes the token of one, and no conventional one`() throws {
    let emulator = try EmulatorProcess()
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port, routes: "[{path: /bank/**, passkeyWithin: 5m}]") { text, _ in
      text.replacing(sections: ["corbado": emulator.corbado()])
    }
    let conventional = try sidecar.issuer.first.token(sidecar.claims)
    let refused = try sidecar.get("/bank/transfer", token: conventional)
    #expect(refused.status == 401 && refused.json["error"] as? String == "passkey_required")
    let challenge = refused.fields.first { $0.name.lowercased() == "www-authenticate" }?.value ?? ""
    #expect(challenge.contains(#"error="insufficient_user_authentication""#) && challenge.contains(#"max_age="300""#), "\(challenge)")
    #expect(try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"passkey-append"}"#, token: conventional).status == 200)
    let data = try emulator.signedPasskeyData(for: "alice@example.com")
    let login = try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
    #expect(try sidecar.get("/bank/transfer", token: try #require(login.json["accessToken"] as? String)).status == 200)
  }

  @Test func `older frontends find their paths and members`() throws {
    let emulator = try EmulatorProcess()
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in
      text.replacing(sections: ["corbado": emulator.corbado(", frontendMembers: token")])
        + "endpoints: {aliases: {/connectToken: createConnectToken, /auth/verifySignedPasskeyData: completeLogin}}\n"
    }
    let token = try sidecar.issuer.first.token(sidecar.claims)
    let answer = try sidecar.call("/connectToken", #"{"type":"passkey-append"}"#, token: token)
    #expect(answer.status == 200 && Array(answer.json.keys) == ["token"])
    let data = try emulator.signedPasskeyData(for: "alice@example.com")
    let login = try sidecar.call("/auth/verifySignedPasskeyData", #"{"signedPasskeyData":"\#(data)"}"#)
    #expect(login.json["success"] as? Bool == true)
  }

  // MARK: Asking Corbado beforehand

  private func live(_ corbado: String) throws -> (code: Int32, output: String) {
    let folder = NSTemporaryDirectory() + "live-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = """
      listen: [{address: 127.0.0.1:1}]
      upstream: {url: http://127.0.0.1:2}
      \(corbado)
      issuers: [{issuer: https://idp.example.com/, audiences: [my-app], keys: {url: https://idp.example.com/jwks}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """
    for (name, text) in [("f.yaml", configuration), ("good", "corbado1_x"), ("bad", "corbado1_other"), ("key", "weak")] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    return try ChildProcess.run(SidecarUnderTest.binary, ["check", "--config", folder + "/f.yaml", "--live"])
  }

  @Test func `check asks Corbado and says what works and what is open`() throws {
    let emulator = try EmulatorProcess("--bearer", "weak:connect_tokens:write")
    func corbado(_ credential: String, _ more: String = "") -> String {
      "corbado: {projectID: pro-1, \(credential), backendAPI: \"http://127.0.0.1:\(emulator.port)\"\(more)}"
    }
    let good = try live(corbado("apiSecret: {file: good}"))
    #expect(good.code == 0, "\(good.output)")
    #expect(good.output.contains("connect token (apiSecret)") && good.output.contains("refuses junk by invalid_signature"))
    #expect(good.output.contains("/v2/passkeys/verifySignedData: is not served"))
    #expect(good.output.contains("without username: 400 validation_error"))
    #expect(!good.output.contains("ctk1_") && !good.output.contains("corbado1_x"))
    let wrong = try live(corbado("apiSecret: {file: bad}"))
    #expect(wrong.code == 69 && wrong.output.contains("401: Corbado does not take this secret"))
    // Who is not let in learns nothing of what is open.
    #expect(!wrong.output.contains("is served as well") && !wrong.output.contains("without username"))
    let weak = try live(corbado("bearer: {file: key}"))
    #expect(weak.code == 69 && weak.output.contains("verify (bearer)") && weak.output.contains("403: the key lacks the permission"))
    let path = try live(corbado("apiSecret: {file: good}", ", verify: {path: /v2/passkeys/verifySignedData}"))
    #expect(path.code == 69 && path.output.contains("404: is not served"))
    #expect(path.output.contains("/v2/passkey/verifySignedData: is served as well"))
  }

  @Test(arguments: ["ES256", "EdDSA", "RS256"])
  func `keygen makes a key that OpenSSL reads`(algorithm: String) throws {
    let made = try ChildProcess.run(SidecarUnderTest.binary, ["keygen", "--algorithm", algorithm])
    #expect(made.code == 0 && made.output.hasPrefix("-----BEGIN PRIVATE KEY-----"))
    let path = NSTemporaryDirectory() + "key-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(made.output.utf8).write(to: URL(fileURLWithPath: path))
    #expect(try ChildProcess.run("openssl", ["pkey", "-in", path, "-noout"]).code == 0)
  }
}
