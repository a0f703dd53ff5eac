import Settings
import Telemetry
import Transport

/// Tells of certificates whose time is nearly over, while there is time to renew them.
enum CertificateReminder {
  static let pause = Duration.seconds(24 * 3600)

  static func remind(_ settings: SidecarSettings, _ log: EventLog) {
    let now = Clock.unixNanoseconds() / 1_000_000_000
    for (file, validity) in validities(settings) { remind(file, validity, now, log) }
  }

  /// Of every certificate of ours, each file once.
  static func validities(_ settings: SidecarSettings) -> [(file: String, validity: ClosedRange<Int64>)] {
    var found: [(file: String, validity: ClosedRange<Int64>)] = []
    func add(_ file: String, _ validity: ClosedRange<Int64>) {
      if !found.contains(where: { $0.file == file }) { found.append((file, validity)) }
    }
    for listener in settings.listeners {
      guard let tls = listener.tls, let made = tls.tls else { continue }
      for (files, validity) in zip(tls.files.pairs, made.validities) { add(files.certificate, validity) }
    }
    if let pair = settings.upstream.tls.pair, let validity = settings.upstream.security?.validity {
      add(pair.certificate, validity)
    }
    return found
  }

  private static func remind(_ file: String, _ validity: ClosedRange<Int64>, _ now: Int64, _ log: EventLog) {
    guard isEnding(validity, at: now) else { return }
    log.warn("certificate_ends", ["file": .text(file), "seconds_left": .integer(validity.upperBound - now)])
  }

  /// Whoever renews certificates does it before the last fifth of their time, and before its last two weeks.
  static func isEnding(_ validity: ClosedRange<Int64>, at now: Int64) -> Bool {
    validity.upperBound - now < min(14 * 86_400, (validity.upperBound - validity.lowerBound) / 5)
  }
}
