public import HTTPClient
internal import JOSE
internal import Keys
public import Login

/// `corbado`: the project at Corbado and its Backend API.
public struct CorbadoSettings: Equatable, Sendable {
  public struct Verify: Equatable, Sendable {
    /// Begins with `/`.
    public let path: String
    public let username: Login.Configuration.Corbado.VerifyUsername

    init(_ keys: Section) {
      path = keys.value("path", .text("a path").checked(pathProblem), default: "/v2/passkey/verifySignedData")
      username = keys.value("username", .choice(), default: "webauthnId")
      keys.notYet("keys")
      if username == .omit {
        keys.warn(
          "username", "omit: Corbado's reference requires a username, and without it the user is not compared there")
      }
    }
  }

  public let projectID: String
  /// The bare secret, not the pair.
  public let apiSecret: Secret
  /// Without `/v2` and without a trailing slash: the target is `/` or the path in front of it.
  public let backendAPI: OutboundURL
  public let certificateAuthority: CertificateAuthority
  /// Of a whole call.
  public let timeout: Duration
  public let verify: Verify

  init(_ keys: Section) {
    projectID = keys.value("projectID", .text("a project ID (pro-…)").checked(projectIDProblem))
    apiSecret = keys.value("apiSecret", Kind.secret.checked(apiSecretProblem))
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
    verify = keys.section("verify", Verify.init)
    keys.notYet("basic", "bearer", "maxInFlight", "maxPerSecond", "connectTokenLifetime", "frontendMembers")
    if allowsCleartext, !url.isSecure, !url.isLoopback {
      keys.warn("allowCleartext", "the API secret and passkey data travel unencrypted to \(url.host)")
    }
    if !apiSecret.bytes.isEmpty, !apiSecret.bytes.starts(with: Array("corbado1_".utf8)) {
      keys.warn("apiSecret", "does not begin with corbado1_ as Corbado's API secrets do")
    }
  }
}

/// It becomes the user name of Basic authentication (RFC 7617 §2) and is compared with `iss`.
private func projectIDProblem(_ text: String) -> String? {
  let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
  return text.hasPrefix("pro-") && isPlain ? nil : "\(quoted(text)) is not a project ID: they begin with pro-"
}

/// Corbado's example holds base64(projectID:secret) under the name of the secret: sent as a secret it would be encoded
/// twice, and that would show at the first call only.
private func apiSecretProblem(_ secret: Secret) -> String? {
  let text = String(decoding: secret.bytes, as: UTF8.self)
  if text.hasPrefix("pro-"), text.contains(":") {
    return "holds projectID:secret; only the part after the colon belongs here"
  }
  let alphabet = text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
  let unpadded = Array(String(alphabet).utf8.prefix { $0 != 0x3D })
  guard let decoded = try? Base64URL.decode(unpadded.span) else { return nil }
  guard decoded.starts(with: Array("pro-".utf8)), decoded.contains(0x3A) else { return nil }
  return "holds the ready-made pair base64(projectID:secret); the bare secret belongs here"
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
