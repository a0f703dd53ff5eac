import Synchronization

/// An emulator of Corbado: Backend API, Frontend API and key set on one port, and a control surface for tests on
/// another. Its ceremonies and signatures are real, its users and keys last as long as the process.
final class Emulator: Sendable {
  let identity: EmulatorIdentity
  private let state: Mutex<EmulatorState>
  private let clock: @Sendable () -> Int

  /// `clock` gives milliseconds since 1970.
  init(
    _ identity: EmulatorIdentity, firstKey: TokenSigningKey, clock: @escaping @Sendable () -> Int = Moment.milliseconds
  ) {
    self.identity = identity
    self.clock = clock
    state = Mutex(EmulatorState(firstKey: firstKey))
  }

  /// What a client of Corbado gets.
  func handle(_ request: DemoRequest) -> DemoResponse {
    let milliseconds = clock()
    return state.withLock { state in
      let fault = state.takeFault(for: request.path)
      var answer = DemoResponse(status: 200)
      if fault?.carriesOut ?? true {
        answer = self.answer(request, &state, milliseconds: milliseconds)
      }
      if let fault { answer = fault.apply(to: answer) }
      state.record(RecordedCall(request, milliseconds: milliseconds, status: answer.status))
      return answer
    }
  }

  /// Whether connections that begin now get the second certificate.
  var showsOtherCertificate: Bool { state.withLock { $0.settings.showsOtherCertificate } }

  /// What a test gets at the control port.
  func control(_ request: DemoRequest) -> DemoResponse {
    let milliseconds = clock()
    return state.withLock { state in
      ControlSurface(identity: identity).answer(request, &state, now: milliseconds / 1000 + state.settings.clockOffset)
    }
  }

  private func answer(_ request: DemoRequest, _ state: inout EmulatorState, milliseconds: Int) -> DemoResponse {
    let now = milliseconds / 1000 + state.settings.clockOffset
    let frontend = "/v2/connect/"
    let isFrontend = request.path.hasPrefix(frontend) || request.path == "/.well-known/jwks"
    let crossOrigin = CrossOrigin(origins: identity.relyingParty.origins, requestFields: FrontendAPI.requestFields)
    if isFrontend, let preflight = crossOrigin.preflightAnswer(to: request) { return preflight }
    var answer: DemoResponse
    do throws(APIError) {
      if state.isOverRateLimit(peer: request.peer, milliseconds: milliseconds) { throw .rate }
      if isFrontend, !crossOrigin.admits(request) { throw .origin }
      if request.path.hasPrefix(frontend) {
        let path = String(request.path.dropFirst(frontend.count))
        answer = try FrontendAPI(identity: identity).answer(path, request, &state, now: now)
      } else if request.path == "/.well-known/jwks" {
        guard request.method == "GET" else { throw .method }
        answer = DemoResponse(json: ["keys": .array(state.settings.publishesKeys ? state.keys.map(\.jwk) : [])])
      } else if request.path.hasPrefix("/v2/") {
        answer = try BackendAPI(identity: identity).answer(request, &state, now: now)
      } else {
        throw .notFound
      }
    } catch {
      answer = Envelope.failure(error)
    }
    return isFrontend ? crossOrigin.decorated(answer, for: request) : answer
  }
}

/// A call as it came in, for tests that ask what reached Corbado and how often.
struct RecordedCall: Sendable {
  var method: String
  var path: String
  var query: String?
  var fields: [DemoRequest.Field]
  var body: String
  var milliseconds: Int
  var status: Int

  init(_ request: DemoRequest, milliseconds: Int, status: Int) {
    method = request.method
    path = request.path
    query = request.query
    fields = request.fields
    body = String(decoding: request.body, as: UTF8.self)
    self.milliseconds = milliseconds
    self.status = status
  }

  var json: JSON {
    [
      "method": .string(method), "path": .string(path), "query": query.map(JSON.string) ?? .null,
      "fields": .array(fields.map { [.string($0.name), .string($0.value)] }), "body": .string(body),
      "milliseconds": .integer(milliseconds), "status": .integer(status),
    ]
  }
}

extension EmulatorState {
  /// The first fault that fits, counted down.
  mutating func takeFault(for path: String) -> ScriptedFault? {
    guard let index = faults.firstIndex(where: { path.hasPrefix($0.path) }) else { return nil }
    let fault = faults[index]
    if let remaining = fault.remaining {
      if remaining > 1 { faults[index].remaining = remaining - 1 } else { faults.remove(at: index) }
    }
    return fault
  }

  /// Keeps the last 10,000 calls.
  mutating func record(_ call: RecordedCall) {
    if calls.count >= 10_000 { calls.removeFirst(1000) }
    calls.append(call)
  }
}
