public import HTTPClient
internal import Keys
public import Login

/// `corbado`: the project at Corbado and its Backend API.
public struct CorbadoSettings: Equatable, Sendable {
  public struct Verify: Equatable, Sendable {
    /// Begins with `/`.
    public let path: String
    public let username: Login.Configuration.Corbado.VerifyUsername
    /// Where Corbado publishes what it signs passkey data with; nil: signatures are not checked here.
    public let keys: KeysURL?

    init(_ section: Section) {
      path = section.value("path", .text("a path").checked(pathProblem), default: "/v2/passkey/verifySignedData")
      username = section.value("username", .choice(), default: "webauthnId")
      keys = section.value("keys", Kind.keysURL.orNull, default: "null")
      if username == .omit {
        section.warn(
          "username", "omit: Corbado's reference requires a username, and without it the user is not compared there")
      }
    }
  }

  public struct KeysURL: Equatable, Sendable {
    public let url: OutboundURL
    public let certificateAuthority: CertificateAuthority
    public let allowsCleartext: Bool
  }

  public struct Credential: Equatable, Sendable {
    public let form: BackendCredential.Form
    public let secret: Secret
  }

  public let projectID: String
  public let credential: Credential
  /// Without `/v2` and without a trailing slash: the target is `/` or the path in front of it.
  public let backendAPI: OutboundURL
  public let certificateAuthority: CertificateAuthority
  /// Of a whole call.
  public let timeout: Duration
  public let verify: Verify
  /// Calls at once.
  public let inFlightCount: Int
  public let perSecondCount: Int
  public let connectTokenLifetime: Duration?
  public let frontendMembers: Login.Configuration.Corbado.FrontendMembers

  init(_ keys: Section) {
    projectID = keys.value("projectID", .text("a project ID (pro-…)").checked(projectIDProblem))
    credential = Self.credential(keys)
    let allowsCleartext = keys.value("allowCleartext", .flag, default: "false")
    let url = keys.value(
      "backendAPI",
      .serviceURL(allowsCleartext: allowsCleartext).checked {
        $0.target.contains("?") ? "a query does not belong here" : nil
      },
      default: "https://backendapi.cloud.corbado.io")
    backendAPI = url.replacingTarget(withoutVersion(url.target))
    certificateAuthority = keys.value("certificateAuthority", .certificateAuthority, default: "system")
    timeout = keys.value("timeout", .duration(.milliseconds(100)...(.seconds(60))), default: "5s")
    inFlightCount = keys.value("maxInFlight", .count(1...10_000), default: "64")
    perSecondCount = keys.value("maxPerSecond", .count(1...10_000), default: "100")
    verify = keys.section("verify", Verify.init)
    connectTokenLifetime = keys.value(
      "connectTokenLifetime", Kind.duration(.seconds(1)...(.seconds(86_400))).orNull, default: "null")
    frontendMembers = keys.value("frontendMembers", .choice(), default: "connectToken")
    if allowsCleartext, !url.isSecure, !url.isLoopback {
      keys.warn("allowCleartext", "the API secret and passkey data travel unencrypted to \(url.host)")
    }
    // Corbado counts 2,000 requests in 10 s from one address.
    if perSecondCount > 200 {
      keys.warn("maxPerSecond", "above 200: Corbado itself refuses more than 2000 calls in 10 s from one address")
    }
  }

  /// One of three keys.
  private static func credential(_ keys: Section) -> Credential {
    let read = BackendCredential.Form.allCases.compactMap { form -> Credential? in
      keys.value(form.rawValue, Kind.secret.orNull, default: "null").map { Credential(form: form, secret: $0) }
    }
    guard let credential = read.first else {
      // Said of the one that is there, it adds nothing to what was wrong with it.
      let written = BackendCredential.Form.allCases.first { keys.wasWritten($0.rawValue) } ?? .apiSecret
      keys.refuse(written.rawValue, "is missing: {file: PATH} or {env: NAME}; or basic or bearer instead of it")
      return Credential(form: written, secret: Secret(bytes: []))
    }
    if read.count > 1 { keys.refuse(read[1].form.rawValue, "stands beside \(credential.form.rawValue): one of them is meant") }
    if credential.form == .apiSecret, !credential.secret.bytes.starts(with: Array("corbado1_".utf8)) {
      keys.warn("apiSecret", "does not begin with corbado1_ as Corbado's API secrets do")
    }
    if credential.form == .bearer, credential.secret.bytes.starts(with: Array("corbado1_".utf8)) {
      keys.warn("bearer", "begins with corbado1_ as API secrets do; those belong under apiSecret")
    }
    return credential
  }
}

extension Kind where Value == CorbadoSettings.KeysURL {
  static var keysURL: Kind {
    let none = CorbadoSettings.KeysURL(
      url: OutboundURL(isSecure: true, host: "invalid", port: 443, target: "/"), certificateAuthority: .system,
      allowsCleartext: false)
    return Kind("{url, certificateAuthority: system, allowCleartext: false}", placeholder: none) { place in
      Section.read(place) { keys in
        let allowsCleartext = keys.value("allowCleartext", .flag, default: "false")
        return CorbadoSettings.KeysURL(
          url: keys.value("url", .serviceURL(allowsCleartext: allowsCleartext)),
          certificateAuthority: keys.value("certificateAuthority", .certificateAuthority, default: "system"),
          allowsCleartext: allowsCleartext)
      }
    }
  }
}

/// It becomes the user name of Basic authentication (RFC 7617 §2) and is compared with `iss`.
private func projectIDProblem(_ text: String) -> String? {
  let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
  return text.hasPrefix("pro-") && isPlain ? nil : "\(quoted(text)) is not a project ID: they begin with pro-"
}

private func withoutVersion(_ target: String) -> String {
  var path = target[...]
  while path.hasSuffix("/") { path = path.dropLast() }
  if path.hasSuffix("/v2") { path = path.dropLast(3) }
  while path.hasSuffix("/") { path = path.dropLast() }
  return path.isEmpty ? "/" : String(path)
}

/// What is wrong with a path of ours: it must begin with `/` and need no decoding (RFC 3986 §3.3).
func pathProblem(_ path: String) -> String? {
  let segments = path.split(separator: "/", omittingEmptySubsequences: false)
  guard path.hasPrefix("/") else { return "\(quoted(path)) does not begin with /" }
  guard path.utf8.allSatisfy({ isPathByte($0) }) else {
    return "\(quoted(path)) holds something other than letters, digits and -._~/"
  }
  guard !segments.contains("."), !segments.contains("..") else { return "\(quoted(path)) holds a dot segment" }
  guard !segments.dropFirst().contains("") else { return "\(quoted(path)) holds an empty segment or ends with /" }
  return nil
}

private func isPathByte(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x2F: true
  default: false
  }
}
