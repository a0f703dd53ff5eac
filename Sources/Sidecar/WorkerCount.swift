import HTTPClient
import Settings

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
