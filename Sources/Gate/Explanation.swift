public import HTTP
public import JOSE

/// What the Gate checks, in the order in which it does.
public enum Check: String, CaseIterable, Sendable {
  case method, path, endpoint, rule, credential
  // of the token itself
  case token, issuer, algorithm, type, key, signature, times, audience, subject, revocation
  // of the request that brings it
  case origin, mediaType = "media type"
  // what issuer and route ask of it
  case issuers = "issuers of the route", audiences = "audiences of the route", claims, passkey

  /// The check that a denial is the result of.
  public init(failedBy denial: Denial) {
    self =
      switch denial {
      case .pathNotCanonical: .path
      case .pathAmbiguous: .rule
      case .credentialRepeated, .tokenMissing: .credential
      case .tokenMalformed, .tokenTooLarge, .criticalRefused: .token
      case .algorithmRefused: .algorithm
      case .typeRefused: .type
      case .issuerUnknown: .issuer
      case .keyUnknown, .keysUnavailable: .key
      case .signatureInvalid: .signature
      case .tokenExpired, .tokenNotYetValid: .times
      case .audienceMismatch: .audience
      case .subjectMissing: .subject
      case .claimInvalid, .claimsInsufficient: .claims
      case .tokenRevoked, .stateUnavailable: .revocation
      case .passkeyRequired: .passkey
      case .issuerNotAcceptedHere: .issuers
      case .originRefused: .origin
      case .endpointUnknown: .endpoint
      case .methodNotAllowed: .method
      case .mediaTypeRefused: .mediaType
      }
  }
}

/// Sees the checks that a request passes. The Gate's own costs nothing: it is specialised away.
protocol DecisionObserver {
  mutating func passed(_ check: Check, _ detail: @autoclosure () -> String)
}

struct NoObserver: DecisionObserver {
  @inline(__always) mutating func passed(_ check: Check, _ detail: @autoclosure () -> String) {}
}

/// A decision with the checks that led to it: what `explain` prints.
public struct Explanation: Sendable {
  public struct Step: Sendable {
    public let check: Check
    public let detail: String
  }

  /// The checks that the request passed, in order. Where the decision is a denial, ``failed`` is the next.
  public let steps: [Step]
  public let decision: Decision

  /// The check that it did not pass. With an audience that the route asks for, it is the route's.
  public var failed: Check? {
    guard case .refuse(let denied) = decision else { return nil }
    let check = Check(failedBy: denied.denial)
    if check == .audience, steps.contains(where: { $0.check == .audience }) { return .audiences }
    return check
  }
}

private struct StepRecorder: DecisionObserver {
  var steps: [Explanation.Step] = []

  mutating func passed(_ check: Check, _ detail: @autoclosure () -> String) {
    steps.append(Explanation.Step(check: check, detail: detail()))
  }
}

extension Gate {
  /// Decides as ``decide(_:facts:lastToken:policy:keys:revocations:now:keysWereJustFetched:)`` does, by the same code,
  /// and says how.
  public mutating func explain(
    _ head: borrowing RequestHead, facts: ConnectionFacts, policy: Policy, keys: KeySnapshot, revocations: Revocations,
    now: UnixTime
  ) -> Explanation {
    var recorder = StepRecorder()
    var hint = TokenHint()
    let snapshots = Snapshots(
      policy: policy, keys: keys, revocations: revocations, now: now, keysWereJustFetched: true)
    let decision = decide(head, snapshots, lastToken: &hint, observer: &recorder)
    return Explanation(steps: recorder.steps, decision: decision)
  }
}
