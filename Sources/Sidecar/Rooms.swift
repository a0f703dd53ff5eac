import Gate
import HTTPClient
import HTTPServer
import Keys
import Login
import Settings

/// The configuration values of all rooms.
struct Rooms: Sendable {
  let policy: Policy
  let login: Login.Configuration
  let keys: Keys.Configuration
  let serverLimits: ServerLimits
  let clientLimits: ClientLimits
  let origin: OriginSettings
  let issuerFacts: [ControlLoop.IssuerFacts]

  init(_ loaded: LoadedSettings) throws(StartFailure) {
    let settings = loaded.settings
    policy = loaded.policy
    login = loaded.login
    serverLimits = settings.limits.server
    do throws(Keys.Configuration.Refusal) {
      var issuers: [Keys.Configuration.Issuer] = []
      for issuer in settings.issuers {
        issuers.append(
          try Keys.Configuration.Issuer(
            issuer: issuer.issuer, source: .url(issuer.keys.url), refresh: issuer.keys.refresh, authority: issuer.keys.certificateAuthority,
            allowsCleartext: true))
      }
      // Our own keys are handed in by Login.
      issuers.append(try Keys.Configuration.Issuer(issuer: settings.login.token.issuer, source: .fixed([])))
      keys = Keys.Configuration(issuers: issuers)
    } catch {
      throw .configuration("issuers: \(error)")
    }
    clientLimits = ClientLimits(message: settings.limits.message)
    var origin = OriginSettings(authority: settings.upstream.origin.authority)
    origin.choice =
      switch settings.upstream.protocolChoice {
      case .auto: .auto
      case .http2: .http2
      case .http1: .http1
      }
    origin.connect = settings.upstream.timeouts.connect
    origin.responseHead = settings.upstream.timeouts.responseHead
    origin.keepAlive = settings.upstream.timeouts.keepAlive
    origin.streamWindowBytes = settings.limits.streamWindowBytes
    self.origin = origin
    issuerFacts = settings.issuers.map { ControlLoop.IssuerFacts(emailsAreVerified: $0.emailsAreVerified) }
  }
}

extension UpstreamSettings {
  /// `.unknown` is found out by the probe.
  var version: UpstreamProtocol {
    switch protocolChoice {
    case .auto: .unknown
    case .http2: .http2
    case .http1: .http1
    }
  }
}

extension Workers {
  /// Event loops.
  var count: Int {
    switch self {
    case .automatic: CPUQuota.workerCount
    case .count(let count): count
    }
  }
}
