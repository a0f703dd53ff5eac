import HTTP
import HTTPServer
import Keys
import Login
import Proxy
import Telemetry
import Transport

/// One scrape: what the workers and the slow flows have counted, as text. Nothing is computed between scrapes.
struct Metrics: Sendable {
  let control: ControlLoop
  let reloader: Reloader
  let applier: Applier
  let eventWriter: LineWriter
  /// Seconds since 1970.
  let startedAtSeconds: Int64

  /// - Parameter accept: the request's `Accept`; OpenMetrics where it is asked for (RFC 9110 §12.5.1, without its weights).
  func answer(accept: String) async -> BufferedResponse {
    let format: MetricsText.Format = accept.contains("application/openmetrics-text") ? .openMetrics : .prometheus
    var text = MetricsText(format)
    expose(await control.report(within: .seconds(2)), to: &text)
    expose(await control.keys.status(), to: &text)
    exposeUpstream(&text)
    expose(control.login.meters, to: &text)
    await exposeProcess(&text)
    return BufferedResponse(
      status: 200, fields: [("content-type", format.mediaType), ("cache-control", "no-store")], content: text.bytes)
  }

  // MARK: Workers

  private func expose(_ report: WorkerReport, to text: inout MetricsText) {
    let counters = report.counters
    text.begin(.requests)
    text.sample(["protocol": "http1"], counters[.requestsHTTP1])
    text.sample(["protocol": "http2"], counters[.requestsHTTP2])
    text.begin(.responses)
    for first in 0...5 { text.sample(["status": first == 0 ? "none" : "\(first)xx"], counters.responses(statusClass: first)) }
    text.begin(.refusals)
    for reason in Reason.allCases { text.sample(["reason": reason.rawValue], counters.refusals(reason: reason.number)) }
    text.begin(.requestDuration)
    text.sample(counters.requestDuration)
    text.begin(.gateDuration)
    text.sample(counters.gateDuration)
    text.begin(.upstreamDuration)
    text.sample(counters.upstreamDuration)
    one(.requestsInFlight, Int64(report.requestCount), &text)
    one(.bufferedBytes, Int64(report.bufferedByteCount), &text)
    one(.receivedBytes, counters[.contentBytesReceived], &text)
    one(.sentBytes, counters[.contentBytesSent], &text)
    one(.acceptedConnections, counters[.connectionsAccepted], &text)
    one(.tlsHandshakesFailed, counters[.tlsHandshakesFailed], &text)
    one(.connections, Int64(report.connectionCount), &text)
    one(.streams, Int64(report.streamCount), &text)
    one(.clientResets, counters[.clientResets], &text)
    one(.serverResets, counters[.serverResets], &text)
    one(.protocolViolations, counters[.protocolViolations], &text)
    text.begin(.floods)
    for flood in H2Flood.allCases { text.sample(["kind": flood.name.description], counters.floods(Int(flood.rawValue))) }
    text.begin(.limitsHit)
    text.sample(["limit": "connections"], counters[.connectionLimitHits])
    text.sample(["limit": "descriptors"], counters[.descriptorLimitHits])
    text.sample(["limit": "in_flight"], counters[.inFlightLimitHits])
    text.sample(["limit": "buffered_bytes"], counters[.bufferedBytesLimitHits])
    text.sample(["limit": "upstream_queue"], counters[.upstreamQueueLimitHits])
    one(.tokenCacheHits, counters[.tokenCacheHits], &text)
    one(.tokenCacheMisses, counters[.tokenCacheMisses], &text)
    one(.tokenCacheEvictions, counters[.tokenCacheEvictions], &text)
    one(.tokenCacheEntries, Int64(report.cachedTokenCount), &text)
    one(.upstreamConnections, Int64(report.upstreamConnectionCount), &text)
    one(.upstreamRetries, counters[.upstreamRetries], &text)
  }

  private func one(_ family: MetricFamily, _ value: Int64, _ text: inout MetricsText) {
    text.begin(family)
    text.sample(value)
  }

  // MARK: Slow flows

  private func expose(_ issuers: [IssuerStatus], to text: inout MetricsText) {
    text.begin(.issuerUsable)
    for issuer in issuers { text.sample(["issuer": issuer.issuer], issuer.isUsable ? 1 : 0) }
    text.begin(.issuerKeys)
    for issuer in issuers { text.sample(["issuer": issuer.issuer], Int64(issuer.keyCount)) }
    text.begin(.issuerKeyAge)
    for issuer in issuers {
      if let age = issuer.age { text.sample(["issuer": issuer.issuer], seconds: age.wholeNanoseconds / 1000) }
    }
    text.begin(.keyFetches)
    for issuer in issuers {
      for (result, count) in issuer.fetchCounts.sorted(by: { $0.key < $1.key }) {
        text.sample(["issuer": issuer.issuer, "result": result], Int64(count))
      }
    }
  }

  private func exposeUpstream(_ text: inout MetricsText) {
    one(.upstreamFound, control.isUpstreamThere ? 1 : 0, &text)
  }

  private func expose(_ meters: LoginMeters, to text: inout MetricsText) {
    text.begin(.corbadoCalls)
    for series in meters.corbado.series {
      text.sample(["call": series.call, "outcome": series.outcome], series.durations.count)
    }
    text.begin(.corbadoDuration)
    for (call, durations) in meters.corbado.durationsByCall { text.sample(["call": call], durations) }
    text.begin(.stateOperations)
    for series in meters.state.series {
      text.sample(["operation": series.call, "outcome": series.outcome], series.durations.count)
    }
    text.begin(.stateDuration)
    for (operation, durations) in meters.state.durationsByCall { text.sample(["operation": operation], durations) }
  }

  // MARK: The process

  private func exposeProcess(_ text: inout MetricsText) async {
    let reload = reloader.status
    let readiness = await control.readiness(isStrict: applier.isReadinessStrict, reload)
    one(.ready, readiness.isReady ? 1 : 0, &text)
    one(.draining, readiness.isDraining ? 1 : 0, &text)
    text.begin(.reloads)
    text.sample(["result": "applied"], reload.appliedCount)
    text.sample(["result": "refused"], reload.refusedCount)
    one(.configurationInForce, reload.refusal == nil ? 1 : 0, &text)
    one(.configurationTime, reload.loadedAtSeconds, &text)
    text.begin(.logLinesDropped)
    text.sample(["log": "access"], applier.accessWriter?.droppedLineCount ?? 0)
    text.sample(["log": "event"], eventWriter.droppedLineCount)
    text.begin(.certificateExpiry)
    for (file, validity) in CertificateReminder.validities(applier.settings) {
      text.sample(["file": file], validity.upperBound)
    }
    let spans = control.exporter.counts
    text.begin(.spans)
    text.sample(["result": "exported"], spans.exported)
    text.sample(["result": "dropped"], spans.dropped)
    text.begin(.buildInfo)
    text.sample(["version": Product.version], 1)
    let facts = ProcessFacts()
    text.begin(.cpu)
    text.sample(seconds: facts.cpuMicroseconds)
    one(.residentMemory, facts.residentBytes, &text)
    one(.virtualMemory, facts.virtualBytes, &text)
    one(.openDescriptors, facts.openDescriptorCount, &text)
    one(.descriptorLimit, facts.descriptorLimit, &text)
    one(.startTime, startedAtSeconds, &text)
  }
}
