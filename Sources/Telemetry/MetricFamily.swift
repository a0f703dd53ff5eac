/// One family of metrics: its name, what kind it is, which labels its samples have, and what it says. The table of all of them is
/// that of the README; a test compares the two, and another one what a scrape gets.
public struct MetricFamily: Sendable, Equatable {
  public enum Kind: String, Sendable {
    case counter, gauge, histogram
  }

  public let name: String
  public let kind: Kind
  public let labels: [String]
  public let help: String

  init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
    (self.name, self.kind, self.labels, self.help) = (name, kind, labels, help)
  }

  init(_ name: String, _ kind: Kind, _ help: String) { self.init(name, kind, [], help) }

  static func own(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) -> MetricFamily {
    MetricFamily("passkey_sidecar_" + name, kind, labels, help)
  }

  static func own(_ name: String, _ kind: Kind, _ help: String) -> MetricFamily { own(name, kind, [], help) }

  // MARK: Requests

  public static let requests = own("requests_total", .counter, ["protocol"], "Requests that arrived, by protocol.")
  public static let responses = own(
    "responses_total", .counter, ["status"], "Requests that ended, by class of the status that the client got; none: no response.")
  public static let refusals = own("refusals_total", .counter, ["reason"], "Requests that were refused or failed, by reason.")
  public static let requestDuration = own(
    "request_duration_seconds", .histogram, "From the first byte of a request to the last of its response.")
  public static let gateDuration = own(
    "gate_duration_seconds", .histogram, "From the first byte of a request to the decision, waiting for keys included.")
  public static let upstreamDuration = own(
    "upstream_duration_seconds", .histogram, "From asking for a connection to the app to the head of its response.")
  public static let requestsInFlight = own("requests_in_flight", .gauge, "Requests under way.")
  public static let bufferedBytes = own("buffered_bytes", .gauge, "Content that waits in queues, of all workers.")
  public static let receivedBytes = own("received_content_bytes_total", .counter, "Content received from clients.")
  public static let sentBytes = own("sent_content_bytes_total", .counter, "Content sent to clients.")

  // MARK: Downstream

  public static let acceptedConnections = own("connections_accepted_total", .counter, "Connections that clients opened.")
  public static let tlsHandshakesFailed = own(
    "tls_handshakes_failed_total", .counter, "TLS handshakes of clients that came to nothing.")
  public static let connections = own("connections", .gauge, "Connections of clients that are open.")
  public static let streams = own("http2_streams", .gauge, "HTTP/2 streams that are open.")
  public static let clientResets = own("client_resets_total", .counter, "Requests that the client gave up before their end.")
  public static let serverResets = own("server_resets_total", .counter, "Responses that we broke off.")
  public static let protocolViolations = own(
    "protocol_violations_total", .counter, "HTTP/2 connections that were ended because the client broke the protocol.")
  public static let floods = own(
    "floods_total", .counter, ["kind"], "HTTP/2 connections that were ended because the client flooded us with frames.")
  public static let limitsHit = own(
    "limits_hit_total", .counter, ["limit"], "How often something was refused or put off because a limit was reached.")

  // MARK: Tokens and keys

  public static let tokenCacheHits = own("token_cache_hits_total", .counter, "Tokens that had been verified before.")
  public static let tokenCacheMisses = own("token_cache_misses_total", .counter, "Tokens that were looked at in full.")
  public static let tokenCacheEvictions = own(
    "token_cache_evictions_total", .counter, "Verified tokens that were forgotten to make room.")
  public static let tokenCacheEntries = own("token_cache_entries", .gauge, "Verified tokens that are remembered.")
  public static let issuerUsable = own("issuer_usable", .gauge, ["issuer"], "1 if tokens of the issuer can be verified.")
  public static let issuerKeys = own("issuer_keys", .gauge, ["issuer"], "Keys of the issuer.")
  public static let issuerKeyAge = own(
    "issuer_key_age_seconds", .gauge, ["issuer"], "Since the issuer's keys were last confirmed.")
  public static let keyFetches = own(
    "key_fetches_total", .counter, ["issuer", "result"], "Fetches of the issuer's keys, by result.")

  // MARK: Upstream

  public static let upstreamFound = own("upstream_found", .gauge, "1 if the app's address and protocol are known, and it takes connections.")
  public static let upstreamConnections = own("upstream_connections", .gauge, "Connections to the app.")
  public static let upstreamRetries = own("upstream_retries_total", .counter, "Requests that were sent to the app a second time.")

  // MARK: Login and state

  public static let corbadoCalls = own(
    "corbado_calls_total", .counter, ["call", "outcome"], "Calls of Corbado's Backend API, by outcome.")
  public static let corbadoDuration = own("corbado_call_duration_seconds", .histogram, ["call"], "Calls of Corbado's Backend API.")
  public static let stateOperations = own(
    "state_operations_total", .counter, ["operation", "outcome"], "Operations of the state store, by outcome.")
  public static let stateDuration = own(
    "state_operation_duration_seconds", .histogram, ["operation"], "Operations of the state store.")

  // MARK: The process

  public static let ready = own("ready", .gauge, "1 if /ready answers 200.")
  public static let draining = own("draining", .gauge, "1 once the process has been told to end.")
  public static let reloads = own(
    "configuration_reloads_total", .counter, ["result"], "Times that the configuration was read again: applied or refused.")
  public static let configurationInForce = own(
    "configuration_in_force", .gauge, "1 if the file is in force as it is; 0 if its last state was refused.")
  public static let configurationTime = own(
    "configuration_loaded_timestamp_seconds", .gauge, "When the configuration in force was read.")
  public static let logLinesDropped = own(
    "log_lines_dropped_total", .counter, ["log"], "Lines that standard output or standard error did not take in time.")
  public static let certificateExpiry = own(
    "certificate_expiry_timestamp_seconds", .gauge, ["file"], "When a certificate of ours ends, since the Unix epoch.")
  public static let spans = own(
    "spans_total", .counter, ["result"], "Spans of sampled requests: exported, or dropped since the collector did not take them.")
  public static let buildInfo = own("build_info", .gauge, ["version"], "1; the version that runs.")
  public static let cpu = MetricFamily("process_cpu_seconds_total", .counter, "Processor time, of user and system.")
  public static let residentMemory = MetricFamily("process_resident_memory_bytes", .gauge, "Resident memory.")
  public static let virtualMemory = MetricFamily("process_virtual_memory_bytes", .gauge, "Virtual memory.")
  public static let openDescriptors = MetricFamily("process_open_fds", .gauge, "Open file descriptors.")
  public static let descriptorLimit = MetricFamily("process_max_fds", .gauge, "The most file descriptors that may be open.")
  public static let startTime = MetricFamily(
    "process_start_time_seconds", .gauge, "When the process was started, since the Unix epoch.")

  /// In the order of a scrape.
  public static let all: [MetricFamily] = [
    requests, responses, refusals, requestDuration, gateDuration, upstreamDuration, requestsInFlight, bufferedBytes,
    receivedBytes, sentBytes,
    acceptedConnections, tlsHandshakesFailed, connections, streams, clientResets, serverResets, protocolViolations, floods, limitsHit,
    tokenCacheHits, tokenCacheMisses, tokenCacheEvictions, tokenCacheEntries, upstreamConnections, upstreamRetries,
    issuerUsable, issuerKeys, issuerKeyAge, keyFetches, upstreamFound, corbadoCalls, corbadoDuration, stateOperations,
    stateDuration, ready, draining, reloads, configurationInForce, configurationTime, logLinesDropped, certificateExpiry,
    spans, buildInfo, cpu, residentMemory, virtualMemory, openDescriptors, descriptorLimit, startTime,
  ]
}
