public import HTTPClient
internal import Keys

/// `tracing`: where spans are sent.
public struct TracingSettings: Equatable, Sendable {
  /// The collector's base URL; `/v1/traces` is added.
  public let collector: OutboundURL
  /// 0 to 1, of the traces that begin here.
  public let share: Double
  public let certificateAuthority: CertificateAuthority

  init(_ keys: Section) {
    collector = keys.value("otlp", .collectorURL)
    share = keys.value("sample", .share, default: "0.01")
    certificateAuthority = keys.value("certificateAuthority", .certificateAuthority, default: "system")
    if !collector.isSecure, !collector.isLoopback {
      keys.warn("otlp", "paths and addresses travel unencrypted to \(collector.host)")
    }
  }

  /// Of a request to the collector.
  public var traces: OutboundURL {
    collector.replacingTarget((collector.target == "/" ? "" : collector.target) + "/v1/traces")
  }
}

extension Kind where Value == TracingSettings {
  static var tracing: Kind {
    Kind("{otlp: URL, sample: 0.01, certificateAuthority: system}", placeholder: silently(TracingSettings.init)) { place in
      Section.read(place, TracingSettings.init)
    }
  }
}

extension Kind where Value == OutboundURL {
  /// Spans decide nothing, so http is not refused.
  static var collectorURL: Kind {
    let form = "the URL of an OTLP collector (https://collector:4318)"
    return Kind(form, placeholder: OutboundURL(isSecure: true, host: "invalid", port: 443, target: "/")) { place in
      guard let text = place.text(form) else { return nil }
      guard let url = OutboundURL(text), !url.target.contains("?") else {
        return place.refuse("expected \(form), found \(quoted(text))")
      }
      return url.target.count > 1 && url.target.hasSuffix("/") ? url.replacingTarget(String(url.target.dropLast())) : url
    }
  }
}

extension Kind where Value == Double {
  /// A part of a whole.
  static var share: Kind {
    let form = "a number from 0 to 1"
    return Kind(form, placeholder: 0) { place in
      guard let text = place.plain(form) else { return nil }
      guard let number = Double(text), (0...1).contains(number) else {
        return place.refuse("expected \(form), found \(quoted(text))")
      }
      return number
    }
  }
}
