import Login
import HTTPClient
import Proxy
import Transport

/// What the control loop tells a worker.
enum WorkerMessage: Sendable {
  case publish(ProxySnapshot)
  /// Another configuration. The flag: the app is elsewhere, and will be found.
  case configure(WorkerConfiguration, ProxySnapshot, isUpstreamOther: Bool)
  case keysSettled(Handle)
  case endpointAnswered(Handle, EndpointAnswer)
  case upstreamFound([SocketAddress], UpstreamProtocol)
  /// The app's name does not resolve; the text says why.
  case upstreamLost(String)
  /// The end begins; so long after it, the last requests are named.
  case drain(notice: Duration)
  /// Answered at once with what the worker has counted.
  case report(@Sendable (WorkerReport) -> Void)
  /// Answered at once with at most so many of its connections.
  case listConnections(limit: Int, @Sendable (WorkerConnections) -> Void)
  /// Answered at once: the loop turns.
  case ping(@Sendable () -> Void)
  /// The loop ends, and with it what is still under way. Answered when that is done and logged.
  case stop(@Sendable () -> Void)
}
