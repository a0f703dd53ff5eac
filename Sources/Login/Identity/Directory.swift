internal import JOSE
internal import Telemetry
internal import Transport

/// What the directory said lately, so that somebody who signs in on three devices asks once.
struct DirectoryAnswers {
  /// Above: those that have expired are forgotten, and if none has, some.
  static let count = 1000

  /// By bytes: `String` also finds canonically equivalent texts equal, which may be two users.
  private var answers: [[UInt8]: (identity: PasskeyIdentity, until: MonotonicTime)] = [:]

  func answer(_ key: [UInt8], at now: MonotonicTime) -> PasskeyIdentity? {
    guard let answer = answers[key], now < answer.until else { return nil }
    return answer.identity
  }

  mutating func keep(_ identity: PasskeyIdentity, _ key: [UInt8], until: MonotonicTime, at now: MonotonicTime) {
    if answers[key] == nil, answers.count >= Self.count {
      answers = answers.filter { $0.value.until > now }
      if answers.count >= Self.count, let some = answers.first?.key { answers[some] = nil }
    }
    answers[key] = (identity, until)
  }
}

extension LoginEndpoints {
  /// `POST {"identifier": …, "corbadoUserID": …}`, at a refresh the first alone; 200 with `{"subject": …, "claims": {…}}` is
  /// the identity, 404 nobody.
  ///
  /// - Throws: `identityUnlinked`, `identityUnavailable`
  func identity(
    of identifier: Identifier, corbadoUserID: String?, _ directory: Configuration.Identity.Directory
  ) async throws(LoginReason) -> PasskeyIdentity {
    // Neither has a control byte.
    let key = Array((identifier.text + "\0" + (corbadoUserID ?? "")).utf8)
    if let known = directoryAnswers.answer(key, at: monotonic()) { return known }
    var content = JSONWriter()
    content.beginObject()
    content.member("identifier", identifier.text)
    if let corbadoUserID { content.member("corbadoUserID", corbadoUserID) }
    content.endObject()
    var fields = [(name: "content-type", value: "application/json"), (name: "accept", value: "application/json")]
    if let secret = directory.service.secret {
      fields.append((name: "authorization", value: "Bearer " + String(decoding: secret, as: UTF8.self)))
    }
    let answer = try await send(
      IdentityServiceCall(name: "directory", service: directory.service, fields: fields, content: content.bytes))
    switch answer.status {
    case 200: break
    case 404: throw .identityUnlinked
    default: throw .identityUnavailable
    }
    guard let identity = answer.document.flatMap({ Self.identity($0, configuration) }) else {
      log.error("directory_answer_invalid")
      throw .identityUnavailable
    }
    let now = monotonic()
    directoryAnswers.keep(identity, key, until: now + directory.cache, at: now)
    return identity
  }

  /// Nil for an answer that is not understood: half of it is nobody.
  private static func identity(_ document: JSONDocument, _ configuration: Configuration) -> PasskeyIdentity? {
    guard let node = document.member("subject"),
      let subject = document.string(node) ?? document.integer(node).map({ String($0) }), Identifier.isText(subject)
    else { return nil }
    var identity = PasskeyIdentity(issuer: configuration.token.issuer, subject: subject)
    guard let claims = document.member("claims"), document.kind(of: claims) != .null else { return identity }
    guard document.kind(of: claims) == .object else { return nil }
    var object = JSONWriter()
    object.value(claims, of: document)
    guard object.bytes.count <= RememberedClaims.maximumBytes, let remembered = try? JSONDocument(object.bytes.span)
    else { return nil }
    identity.remembered = remembered
    return identity
  }
}
