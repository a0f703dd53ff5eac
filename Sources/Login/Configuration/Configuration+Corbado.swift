public import HTTPClient
internal import JOSE

extension Configuration {
  /// The project at Corbado and its Backend API.
  public struct Corbado: Sendable {
    /// What is sent as `username` with signed passkey data.
    public enum VerifyUsername: String, CaseIterable, Sendable {
      /// The `webauthnId` of the data.
      case webauthnID = "webauthnId"
      /// The client's `username`, which must be there and equal to `webauthnId`.
      case request
      /// Nothing.
      case omit
    }

    /// How frontends of different ages name the members of createConnectToken.
    public enum FrontendMembers: String, CaseIterable, Sendable {
      /// `connectTokenType` in, `connectToken` out.
      case connectToken
      /// `type` (or `connectTokenType`) in, `token` out.
      case token
    }

    public let projectID: String
    public let credential: BackendCredential
    /// Without `/v2`; the target is `/` or a path without a slash at its end.
    public let backendAPI: OutboundURL
    public let certificateAuthority: CertificateAuthority
    /// Of a whole call.
    public let timeout: Duration
    public let verifyPath: String
    public let verifyUsername: VerifyUsername
    /// Calls at once. Above: 429 `rate_limited`.
    public let maximumInFlightCount: Int
    /// Calls that may begin in a second. Above: 429 `rate_limited`.
    public let maximumPerSecondCount: Int
    /// `maxLifetimeInSeconds` of connect tokens; nil: Corbado's own default.
    public let connectTokenLifetime: Duration?
    public let frontendMembers: FrontendMembers

    /// - Throws: ``ConfigurationError/projectID``, ``ConfigurationError/credential(_:)``,
    ///   ``ConfigurationError/verifyPath``, ``ConfigurationError/timeout``, ``ConfigurationError/maximumInFlight``,
    ///   ``ConfigurationError/maximumPerSecond``, ``ConfigurationError/connectTokenLifetime``
    public init(
      projectID: String, credential: BackendCredential,
      backendAPI: OutboundURL = OutboundURL(
        isSecure: true, host: "backendapi.cloud.corbado.io", port: 443, target: "/"),
      certificateAuthority: CertificateAuthority = .system, timeout: Duration = .seconds(5),
      verifyPath: String = "/v2/passkey/verifySignedData", verifyUsername: VerifyUsername = .webauthnID,
      maximumInFlightCount: Int = 64, maximumPerSecondCount: Int = 100, connectTokenLifetime: Duration? = nil,
      frontendMembers: FrontendMembers = .connectToken
    ) throws(ConfigurationError) {
      // Part of a user name of Basic authentication: no colon (RFC 7617 §2).
      guard projectID.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }), !projectID.isEmpty else {
        throw .projectID
      }
      do throws(BackendCredential.Problem) {
        _ = try credential.authorization(of: credential.content, projectID: projectID)
      } catch { throw .credential(error) }
      guard verifyPath.hasPrefix("/"), verifyPath.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .verifyPath }
      guard timeout > .zero else { throw .timeout }
      guard (1...100_000).contains(maximumInFlightCount) else { throw .maximumInFlight }
      guard (1...100_000).contains(maximumPerSecondCount) else { throw .maximumPerSecond }
      if let connectTokenLifetime, connectTokenLifetime < .seconds(1) { throw .connectTokenLifetime }
      self.projectID = projectID
      self.credential = credential
      self.backendAPI = backendAPI
      self.certificateAuthority = certificateAuthority
      self.timeout = timeout
      self.verifyPath = verifyPath
      self.verifyUsername = verifyUsername
      self.maximumInFlightCount = maximumInFlightCount
      self.maximumPerSecondCount = maximumPerSecondCount
      self.connectTokenLifetime = connectTokenLifetime
      self.frontendMembers = frontendMembers
    }
  }
}
