/// The configuration, read and checked: every value is in range, every file that it names was readable, nothing is
/// left to judge later. One file, one immutable value; a reload makes another.
public struct SidecarSettings: Equatable, Sendable {
  public let listeners: [ListenerSettings]
  public let workers: Workers
  public let upstream: UpstreamSettings
  public let corbado: CorbadoSettings
  public let issuers: [IssuerSettings]
  public let credential: CredentialSettings
  public let connect: ConnectSettings
  public let login: LoginSettings
  public let endpoints: EndpointSettings
  public let identity: IdentitySettings
  public let routes: [RouteSettings]
  public let cors: CrossOriginSettings
  public let state: StateSettings
  public let probes: ProbeSettings
  public let admin: AdminSettings
  public let limits: LimitSettings
  public let log: LogSettings
  /// Nil: no span is made.
  public let tracing: TracingSettings?
  public let egress: EgressSettings

  init(_ keys: Section) {
    listeners = keys.sections("listen", isRequired: true, ListenerSettings.init)
    workers = keys.value("workers", .workers, default: "auto")
    upstream = keys.section("upstream", UpstreamSettings.init)
    corbado = keys.section("corbado", CorbadoSettings.init)
    issuers = keys.sections("issuers", isRequired: true, IssuerSettings.init)
    credential = keys.section("credential", CredentialSettings.init)
    connect = keys.section("connect", ConnectSettings.init)
    login = keys.section("login", LoginSettings.init)
    endpoints = keys.section("endpoints", EndpointSettings.init)
    identity = keys.section("identity", IdentitySettings.init)
    routes = keys.sections("routes", isRequired: false, RouteSettings.init)
    cors = keys.section("cors", CrossOriginSettings.init)
    state = keys.section("state", StateSettings.init)
    probes = keys.section("probes", ProbeSettings.init)
    admin = keys.section("admin", AdminSettings.init)
    limits = keys.section("limits", LimitSettings.init)
    log = keys.section("log", LogSettings.init)
    tracing = keys.value("tracing", Kind.tracing.orNull, default: "null")
    egress = keys.section("egress", EgressSettings.init)
  }
}
