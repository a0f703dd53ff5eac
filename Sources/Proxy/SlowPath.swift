public import Gate
public import Telemetry
public import Transport

/// How a worker asks the control loop, handed in by the assembly. Answers come back through the worker's mailbox and name
/// the passage that waits.
public struct SlowPath: Sendable {
  /// Fetch the keys of the issuer of that name, then post ``WorkerMessage/keysSettled(_:)``. The second is the key ID.
  public var requestKeys: @Sendable (String, String?, Handle) -> Void
  /// Serve an endpoint, then post ``WorkerMessage/endpointAnswered(_:_:)``.
  public var serve: @Sendable (EndpointRequest, Handle) -> Void
  /// Resolve the app's name and probe its protocol, then post ``WorkerMessage/upstreamFound(_:_:)`` or
  /// ``WorkerMessage/upstreamLost(_:)``.
  public var findUpstream: @Sendable () -> Void
  /// The app takes no connection any more (true), or does again.
  public var tellUpstream: @Sendable (Bool) -> Void
  /// Takes spans that have ended; never waits.
  public var export: @Sendable ([SpanRecord]) -> Void

  public init(
    requestKeys: @escaping @Sendable (String, String?, Handle) -> Void, serve: @escaping @Sendable (EndpointRequest, Handle) -> Void,
    findUpstream: @escaping @Sendable () -> Void, tellUpstream: @escaping @Sendable (Bool) -> Void = { _ in },
    export: @escaping @Sendable ([SpanRecord]) -> Void = { _ in }
  ) {
    self.requestKeys = requestKeys
    self.serve = serve
    self.findUpstream = findUpstream
    self.tellUpstream = tellUpstream
    self.export = export
  }
}

/// A call of one of our endpoints with its content, judged by the Gate.
public struct EndpointRequest: Sendable {
  public let call: EndpointCall
  public let content: [UInt8]
  /// Whose attempts are counted together.
  public let client: String
  /// Only of a request whose trace is exported.
  public let trace: TraceParent?
}
