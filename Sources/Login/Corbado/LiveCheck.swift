public import HTTPClient
internal import HTTP
internal import JOSE
internal import Transport

/// What Corbado's real API says to a configuration: a connect token that nobody gets and junk to verify. Tells what is
/// wrong before users do, and answers what Corbado's documents leave open.
public struct LiveCheck: Sendable {
  /// One line for a person.
  public struct Finding: Sendable {
    public let text: String
    public let isGood: Bool
  }

  /// Of the user that the connect token is asked for; no passkey is added.
  static let identifier = "passkey-sidecar-check"
  /// The shape of signed passkey data and nothing in it.
  static let junk = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"

  let configuration: Configuration.Corbado
  let outbound: Outbound

  public init(_ configuration: Configuration, outbound: Outbound) {
    self.configuration = configuration.corbado
    self.outbound = outbound
  }

  public nonisolated(nonsending) func findings() async -> [Finding] {
    let form = configuration.credential.form.rawValue
    var findings: [Finding] = []
    var content = JSONWriter()
    content.beginObject()
    content.member("type", ConnectTokenType.list.rawValue)
    content.name("data")
    content.beginObject()
    content.member("identifier", Self.identifier)
    content.endObject()
    content.endObject()
    let created = await post("/v2/connectTokens", content.bytes)
    findings.append(judge("connect token (\(form))", "/v2/connectTokens", created) { answer in
      answer.text("secret")?.isEmpty == false ? "given" : nil
    })
    if let id = created.answer?.text("id"), id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2F }) {
      _ = await send(.delete, "/v2/connectTokens/\(id)", [])
    }

    let path = configuration.verifyPath
    let verified = await verify(path, username: Self.identifier)
    findings.append(judge("verify (\(form))", path, verified) { answer in
      answer.text("verificationResult").map { "refuses junk by \($0)" }
        ?? (answer.status == 400 ? "refuses junk by 400 \(answer.errorType)" : nil)
    })
    // Whoever is not let in learns nothing more.
    guard let status = verified.answer?.status, status != 401, status != 403 else { return findings }
    // What the documents leave open; of interest, not a fault.
    for other in ["/v2/passkey/verifySignedData", "/v2/passkeys/verifySignedData"] where other != path {
      let answer = await verify(other, username: Self.identifier)
      let isServed = answer.answer.map { $0.status != 404 && $0.status != 405 } ?? false
      findings.append(note("\(other): \(isServed ? "is served as well" : "is not served") (\(answer.summary))"))
    }
    let unnamed = await verify(path, username: nil)
    let works = unnamed.answer?.status == 200 ? "works" : "does not work"
    findings.append(note("without username: \(unnamed.summary); verify.username omit \(works)"))
    return findings
  }

  // MARK: Calls

  private struct Answer {
    let status: Int
    let document: JSONDocument?

    /// Short texts alone, free of control bytes: they are shown to a person.
    func text(_ name: String) -> String? {
      guard let document, let node = document.member(name), let text = document.string(node), text.utf8.count <= 200,
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
      else { return nil }
      return text
    }

    /// `error.type` of the envelope.
    var errorType: String {
      guard let document, let error = document.member("error"), let node = document.member("type", of: error),
        let type = document.string(node), type.utf8.count <= 64,
        type.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == 0x5F })
      else { return "" }
      return type
    }
  }

  private struct Outcome {
    let answer: Answer?
    let failure: String

    var summary: String {
      guard let answer else { return failure }
      let detail = answer.text("verificationResult") ?? answer.errorType
      return detail.isEmpty ? "\(answer.status)" : "\(answer.status) \(detail)"
    }
  }

  private nonisolated(nonsending) func verify(_ path: String, username: String?) async -> Outcome {
    var content = JSONWriter()
    content.beginObject()
    content.member("signedPasskeyData", Self.junk)
    if let username { content.member("username", username) }
    content.endObject()
    return await post(path, content.bytes)
  }

  private nonisolated(nonsending) func post(_ path: String, _ content: [UInt8]) async -> Outcome {
    await send(.post, path, content)
  }

  private nonisolated(nonsending) func send(_ method: Method, _ path: String, _ content: [UInt8]) async -> Outcome {
    let base = configuration.backendAPI
    let credential = configuration.credential
    guard let authorization = try? credential.authorization(of: credential.content, projectID: configuration.projectID)
    else { return Outcome(answer: nil, failure: "the credential is none") }
    let request = OutboundRequest(
      method, base.replacingTarget((base.target == "/" ? "" : base.target) + path),
      authority: configuration.certificateAuthority,
      fields: [
        ("authorization", authorization), ("content-type", "application/json"), ("accept", "application/json"),
      ],
      content: content, timeout: configuration.timeout, responseLimitBytes: CorbadoBackend.answerLimitBytes)
    do throws(OutboundFailure) {
      let response = try await outbound.send(request)
      let document = try? JSONDocument(response.content.span)
      return Outcome(answer: Answer(status: response.status, document: document), failure: "")
    } catch {
      return Outcome(answer: nil, failure: "\(error.kind.rawValue) \(error.detail)")
    }
  }

  // MARK: What it means

  private func judge(
    _ what: String, _ path: String, _ outcome: Outcome, _ good: (Answer) -> String?
  ) -> Finding {
    let place = "\(what), \(configuration.backendAPI.authority)\(path): "
    guard let answer = outcome.answer else { return Finding(text: place + outcome.failure, isGood: false) }
    switch answer.status {
    case 401: return Finding(text: place + "401: Corbado does not take this secret, or not in this form", isGood: false)
    case 403: return Finding(text: place + "403: the key lacks the permission, or this address is not allowed", isGood: false)
    case 404, 405:
      return Finding(
        text: place + "\(answer.status): is not served; see corbado.backendAPI and corbado.verify.path", isGood: false)
    case 429: return Finding(text: place + "429: too many calls from this address", isGood: false)
    default: break
    }
    if answer.status == 200 || answer.status == 400, let text = good(answer) { return Finding(text: place + text, isGood: true) }
    return Finding(text: place + "\(outcome.summary): not what was expected", isGood: false)
  }

  private func note(_ text: String) -> Finding { Finding(text: text, isGood: true) }
}
