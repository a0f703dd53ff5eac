internal import HTTP
internal import HTTPClient
internal import JOSE
internal import Transport

/// One fetch of one issuer's keys, from first to last byte. It knows what the last one brought and nothing else.
struct KeyFetch: Sendable {
  /// What a fetch leaves for the next.
  struct Memory: Sendable {
    /// Empty before the first success.
    var keys: [VerificationKey] = []
    /// What they were read from.
    var content: [UInt8] = []
    /// The entity tag of `content`, and where it was found.
    var entityTag: (tag: String, url: OutboundURL)?
    /// What discovery found, and when.
    var discovered: (url: OutboundURL, at: MonotonicTime)?
  }

  struct Outcome: Sendable {
    /// Its keys are what there is now.
    var memory: Memory
    /// False if an answer says that they are what they were.
    var isChanged = false
    /// Keys of the set that cannot be used.
    var passedOverCount = 0
    /// What the answer said of its freshness, unbounded.
    var freshness: Duration?
  }

  /// How long the metadata's word counts. Default 1 hour; after a failure it is asked anew at once.
  static let discoveryLifetime = Duration.seconds(3600)

  let issuer: Configuration.Issuer
  let memory: Memory
  let surroundings: KeyService.Surroundings

  func run() async throws(KeyFetchFailure) -> Outcome {
    switch issuer.source {
    case .url(let url): return try await fetch(url, memory, deadline: deadline)
    case .discovery:
      let deadline = deadline
      var memory = memory
      let url: OutboundURL
      if let discovered = memory.discovered, surroundings.now() < discovered.at + Self.discoveryLifetime {
        url = discovered.url
      } else {
        url = try await discover(deadline: deadline)
        memory.discovered = (url, surroundings.now())
      }
      return try await fetch(url, memory, deadline: deadline)
    case .file(let path):
      return try read(path, KeyFile.keys)
    case .secretFile(let path, let allowsShort):
      return try read(path) { content throws(KeyFetchFailure) in
        (try Self.keys(ofSecret: content, allowsShort: allowsShort), 0)
      }
    case .fixed: return Outcome(memory: memory)
    }
  }

  private var deadline: MonotonicTime { surroundings.now() + KeyService.fetchTimeout }

  private func fetch(
    _ url: OutboundURL, _ memory: Memory, deadline: MonotonicTime
  ) async throws(KeyFetchFailure) -> Outcome {
    let known = memory.entityTag.flatMap { $0.url == url && !memory.keys.isEmpty ? $0.tag : nil }
    let types = "application/jwk-set+json, application/json"
    let response = try await send(url, entityTag: known, accepting: types, deadline)
    if response.status == 304, known != nil { return Outcome(memory: memory, freshness: response.head.freshness) }
    guard response.status == 200 else { throw .status(response.status) }
    var memory = memory
    memory.entityTag = response.head.entityTag.map { ($0, url) }
    var outcome = try Self.outcome(response.content, memory, Self.keys(ofSet:))
    outcome.freshness = response.head.freshness
    return outcome
  }

  /// The second location is asked only where the first says that it is none: an issuer in trouble is not asked twice.
  private func discover(deadline: MonotonicTime) async throws(KeyFetchFailure) -> OutboundURL {
    var refusal: KeyFetchFailure?
    for location in issuer.metadata {
      let response = try await send(location, entityTag: nil, accepting: "application/json", deadline)
      if response.status == 200 {
        let metadata = try Metadata(
          response.content, issuer: issuer.issuer, location: location, allowsCleartext: issuer.allowsCleartext)
        return metadata.keys
      }
      refusal = refusal ?? .status(response.status)
      guard (400...499).contains(response.status), response.status != 408, response.status != 429 else { break }
    }
    throw refusal ?? .metadataMalformed
  }

  private func send(
    _ url: OutboundURL, entityTag: String?, accepting: String, _ deadline: MonotonicTime
  ) async throws(KeyFetchFailure) -> OutboundResponse {
    let left = deadline.nanoseconds - surroundings.now().nanoseconds
    guard left > 0 else { throw .unfinished }
    var fields = [(name: "accept", value: accepting)]
    if let entityTag { fields.append((name: "if-none-match", value: entityTag)) }
    let request = OutboundRequest(
      .get, url, authority: issuer.authority, fields: fields, timeout: .nanoseconds(left),
      responseLimitBytes: KeyService.contentLimitBytes)
    let response: OutboundResponse
    do throws(OutboundFailure) { response = try await surroundings.outbound.send(request) } catch {
      throw .outbound(error)
    }
    guard !(300...399).contains(response.status) || response.status == 304 else { throw .redirected }
    // The bound holds whoever made the call.
    guard response.content.count <= KeyService.contentLimitBytes else {
      throw .outbound(OutboundFailure(.responseTooLarge, requestMayHaveLeft: true))
    }
    return response
  }

  private func read(_ path: String, _ parse: Parse) throws(KeyFetchFailure) -> Outcome {
    let content: [UInt8]
    do { content = try surroundings.read(path, KeyService.contentLimitBytes) } catch { throw .fileUnreadable }
    return try Self.outcome(content, memory, parse)
  }

  private typealias Parse = ([UInt8]) throws(KeyFetchFailure) -> (keys: [VerificationKey], passedOverCount: Int)

  private static func outcome(_ content: [UInt8], _ memory: Memory, _ parse: Parse) throws(KeyFetchFailure) -> Outcome {
    var memory = memory
    guard memory.keys.isEmpty || content != memory.content else { return Outcome(memory: memory) }
    let (keys, passedOverCount) = try parse(content)
    memory.content = content
    // Other order or white space is no change: a new snapshot costs every worker its verified tokens.
    if keys.isSameSet(as: memory.keys) { return Outcome(memory: memory) }
    memory.keys = keys
    return Outcome(memory: memory, isChanged: true, passedOverCount: passedOverCount)
  }

  static func keys(ofSet content: [UInt8]) throws(KeyFetchFailure) -> (keys: [VerificationKey], passedOverCount: Int) {
    let set: JWKSet
    do throws(JWKSetError) { set = try JWKSet(content.span, maximumBytes: KeyService.contentLimitBytes) } catch {
      switch error {
      case .malformed, .tooLarge, .secretsMixed: throw .malformed
      case .tooManyKeys: throw .tooManyKeys
      case .noUsableKey: throw .noUsableKey
      }
    }
    guard set.keys.count <= KeyService.keyCountLimit else { throw .tooManyKeys }
    return (set.keys, set.refused.count)
  }

  static func keys(ofPEM content: [UInt8]) throws(KeyFetchFailure) -> [VerificationKey] {
    do { return [try VerificationKey(pem: content.span)] } catch { throw .malformed }
  }

  /// One trailing newline belongs to the file, not to the secret.
  static func keys(ofSecret content: [UInt8], allowsShort: Bool) throws(KeyFetchFailure) -> [VerificationKey] {
    var secret = content[...]
    if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
    if secret.last == UInt8(ascii: "\r"), secret.count < content.count { secret.removeLast() }
    let bytes = Array(secret)
    do { return [try VerificationKey(secret: bytes.span, allowsShort: allowsShort)] } catch { throw .noUsableKey }
  }
}

extension [VerificationKey] {
  /// Of secrets it is never said.
  fileprivate func isSameSet(as other: [VerificationKey]) -> Bool {
    count == other.count && allSatisfy { key in other.contains { $0.isSame(as: key) } }
  }
}
