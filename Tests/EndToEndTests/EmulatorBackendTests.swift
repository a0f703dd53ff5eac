import Testing

@testable import passkey_sidecar_demo

@Suite struct EmulatorBackendTests {
  // MARK: Every call

  @Test(arguments: [
    nil, "Basic", "Basic !!!", "Basic " + Base64.encoded(Array("no-colon".utf8)),
    "Basic " + Base64.encoded(Array("pro-7001:wrong".utf8)),
    "Basic " + Base64.encoded(Array("pro-7002:corbado1_test".utf8)),
    "Bearer unknown", "Digest x",
  ])
  func `a call without the project's credential gets 401 login_error`(authorization: String?) throws {
    let corbado = try EmulatorUnderTest()
    let answer = corbado.backend("POST", "/v2/connectTokens", [:], authorization: authorization)
    #expect(answer.status == 401)
    #expect(answer.errorType == "login_error")
  }

  @Test func `a Bearer key opens what its permissions name and nothing else`() throws {
    let corbado = try EmulatorUnderTest(bearerKeys: [.init(key: "key-1", permissions: ["connect_tokens:write"])])
    let body: JSON = ["type": "passkey-list", "data": ["identifier": "u-1"]]
    #expect(corbado.backend("POST", "/v2/connectTokens", body, authorization: "Bearer key-1").status == 200)
    #expect(corbado.backend("POST", "/v2/passkey/verifySignedData", [:], authorization: "Bearer key-1").status == 403)
  }

  @Test(arguments: [
    ("GET", "/v2/nothing", 404, "not_found"), ("GET", "/nothing", 404, "not_found"),
    ("PUT", "/v2/connectTokens", 405, "method_not_allowed"),
    ("GET", "/v2/passkey/verifySignedData", 405, "method_not_allowed"),
    ("POST", "/v2/connectTokens", 400, "invalid_json"),
  ])
  func `what is no call gets its documented error type`(method: String, path: String, status: Int, type: String) throws
  {
    let answer = try EmulatorUnderTest().backend(method, path, raw: Array("{".utf8))
    #expect(answer.status == status)
    #expect(answer.errorType == type)
  }

  @Test func `an error comes in the envelope`() throws {
    let envelope = try EmulatorUnderTest().backend("GET", "/v2/users/usr-1").json
    #expect(envelope["httpStatusCode"] == 400)
    #expect(envelope["message"]?.text?.isEmpty == false)
    #expect(envelope["requestData"]?["requestID"]?.text?.hasPrefix("req-") == true)
    #expect(envelope["requestData"]?["link"]?.text != nil)
    guard case .number = envelope["runtime"] else { return #expect(Bool(false), "runtime is no fraction") }
    #expect(envelope["error"]?["links"] == [])
    #expect(envelope["error"]?["validation"] == [["field": "userID", "message": "does not exist"]])
  }

  @Test func `more calls than the limit in ten seconds get 429`() throws {
    let corbado = try EmulatorUnderTest()
    corbado.set(["rateLimit": 2])
    let statuses = (0..<3).map { _ in corbado.backend("GET", "/v2/users").status }
    #expect(statuses == [200, 200, 429])
    corbado.advance(seconds: 11)
    #expect(corbado.backend("GET", "/v2/users").status == 200)
  }

  // MARK: Connect tokens

  @Test func `a connect token is answered as the contract says`() throws {
    let corbado = try EmulatorUnderTest()
    let data: JSON = ["identifier": "u-1", "displayName": "Ada"]
    let entity = corbado.backend("POST", "/v2/connectTokens", ["type": "passkey-append", "data": data]).json
    #expect(
      Set(entity.members?.map(\.name) ?? []) == ["id", "tokenType", "data", "connectTokenStatus", "secret", "expires"])
    #expect(entity["id"]?.text?.hasPrefix("ctk-") == true)
    #expect(entity["tokenType"] == "passkey-append")
    #expect(entity["connectTokenStatus"] == "initial")
    #expect(entity["data"] == data)
    #expect(entity["expires"] == .integer(corbado.now + 300))
    let secret = try #require(entity["secret"]?.text)
    #expect(secret.hasPrefix("ctk1_") && secret.count == 35)
  }

  @Test func `a shorter lifetime is honoured, a longer one is cut`() throws {
    let corbado = try EmulatorUnderTest()
    func expires(_ lifetime: Int) -> JSON? {
      let body: JSON = [
        "type": "passkey-list", "data": ["identifier": "u-1"], "maxLifetimeInSeconds": .integer(lifetime),
      ]
      return corbado.backend("POST", "/v2/connectTokens", body).json["expires"]
    }
    #expect(expires(60) == .integer(corbado.now + 60))
    #expect(expires(3600) == .integer(corbado.now + 300))
  }

  @Test(
    arguments: [
      (["data": ["identifier": "u-1"]], "type: cannot be blank"),
      (["type": "passkey-add", "data": ["identifier": "u-1", "displayName": "Ada"]], "type: must be a valid value"),
      (["type": "passkey-list"], "data.identifier: cannot be blank"),
      (["type": "passkey-append", "data": ["identifier": "u-1"]], "data.displayName: cannot be blank"),
      (
        ["type": "passkey-list", "data": ["identifier": "u-1"], "maxLifetimeInSeconds": 0],
        "maxLifetimeInSeconds: must be no less than 1"
      ),
    ] as [(JSON, String)])
  func `a faulty request for a connect token names the field`(body: JSON, violation: String) throws {
    let answer = try EmulatorUnderTest().backend("POST", "/v2/connectTokens", body)
    #expect(answer.status == 400)
    #expect(answer.errorType == "validation_error")
    #expect(answer.violation == violation)
  }

  @Test func `connect tokens are listed without their secrets, filtered and in pages`() throws {
    let corbado = try EmulatorUnderTest()
    for _ in 0..<3 { _ = try corbado.connectToken("passkey-list", for: "u-1") }
    _ = try corbado.connectToken("passkey-delete", for: "u-1")
    let answer = corbado.backend("GET", "/v2/connectTokens?pageSize=2&page=2&filter[]=tokenType:eq:passkey-list").json
    #expect(answer["connectTokens"]?.elements?.count == 1)
    #expect(answer["connectTokens"]?.elements?.first?["secret"] == nil)
    #expect(answer["paging"] == ["page": 2, "totalPages": 2, "totalItems": 3])
  }

  @Test func `a connect token can be consumed and deleted by its ID`() throws {
    let corbado = try EmulatorUnderTest()
    _ = try corbado.connectToken("passkey-list", for: "u-1")
    let listed = corbado.backend("GET", "/v2/connectTokens").json["connectTokens"]?.elements?.first?["id"]?.text
    let id = try #require(listed)
    #expect(corbado.backend("PATCH", "/v2/connectTokens/\(id)", ["status": "consumed"]).json["httpStatusCode"] == 200)
    #expect(
      corbado.backend("GET", "/v2/connectTokens").json["connectTokens"]?.elements?.first?["connectTokenStatus"]
        == "consumed")
    #expect(corbado.backend("DELETE", "/v2/connectTokens/\(id)").status == 200)
    #expect(corbado.backend("DELETE", "/v2/connectTokens/\(id)").violation == "connectTokenID: does not exist")
  }

  // MARK: The directory

  @Test func `a user is known by its ID from the first append on`() throws {
    let corbado = try EmulatorUnderTest()
    _ = try corbado.connectToken("passkey-list", for: "u-1")
    #expect(corbado.backend("GET", "/v2/users").json["users"] == [])
    _ = try corbado.connectToken("passkey-append", for: "u-1")
    let identifiers = corbado.backend("GET", "/v2/identifiers?filter[]=identifierValue:eq:u-1").json["identifiers"]
    let userID = try #require(identifiers?.elements?.first?["userID"]?.text)
    let user = corbado.backend("GET", "/v2/users/\(userID)").json
    #expect(user["explicitWebauthnID"] == "u-1")
    #expect(user["status"] == "active")
    #expect(corbado.backend("GET", "/v2/users/\(userID)/credentials").json["credentials"] == [])
  }

  @Test(arguments: ["/v2/users/usr-1", "/v2/users/usr-1/identifiers", "/v2/users/usr-1/credentials"])
  func `an unknown user is a validation error`(path: String) throws {
    #expect(try EmulatorUnderTest().backend("GET", path).violation == "userID: does not exist")
  }
}
