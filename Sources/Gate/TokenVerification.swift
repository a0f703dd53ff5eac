import HTTP
import JOSE

/// What looking at a token came to.
enum TokenOutcome {
  case valid(VerifiedToken)
  case needsKeys(KeyRequest)
}

extension Policy {
  /// Verifies a token (RFC 7515 §5.2, RFC 7519 §7.2): its issuer chooses the rules and the keys, and nothing that the
  /// token says counts for more before the signature is found right.
  ///
  /// - Parameter keysWereJustFetched: a key that is missing now is unknown.
  func verify(
    _ token: Span<UInt8>, keys: KeySnapshot, now: UnixTime, keysWereJustFetched: Bool, reader: inout TokenReader,
    observer: inout some DecisionObserver
  ) throws(Denial) -> TokenOutcome {
    let index: Int
    let header: JOSEHeader
    do throws(TokenError) {
      try reader.read(token, maximumBytes: credentials.tokenBytes)
      header = reader.header
      observer.passed(.token, "a compact JWS")
      guard let found = issuerIndex(reader) else { throw .issuerUnknown }
      index = found
      observer.passed(.issuer, issuers[found].issuer)
      guard issuers[index].algorithms.contains(header.algorithm) else { throw .algorithmRefused }
      observer.passed(.algorithm, header.algorithm.name)
      try header.checkType(issuers[index].types)
      observer.passed(.type, header.type ?? "absent")
    } catch { throw Denial(error) }

    let issuerKeys: [VerificationKey]
    switch keys.availability(of: issuers[index].issuer) {
    case .pending:
      guard !keysWereJustFetched else { throw .keysUnavailable }
      return .needsKeys(KeyRequest(issuer: index, keyID: nil))
    case .expired: throw .keysUnavailable
    case .usable(let list, let until):
      if let until, now >= until { throw .keysUnavailable }
      issuerKeys = list
    }

    let key: VerificationKey
    switch issuerKeys.selection(for: header) {
    case .key(let position): key = issuerKeys[position]
    case .ambiguous: throw .keyUnknown
    case .algorithmRefused: throw .algorithmRefused
    case .unknown:
      guard !keysWereJustFetched else { throw .keyUnknown }
      return .needsKeys(KeyRequest(issuer: index, keyID: header.keyID))
    }

    observer.passed(.key, key.keyID ?? "the one of the issuer")
    let claims: Claims
    do throws(TokenError) { claims = try reader.verify(with: key) } catch { throw Denial(error) }
    observer.passed(.signature, "good")
    return .valid(
      try VerifiedToken(
        claims, token: token, header: header, key: key, issuer: index, policy: self, now: now, observer: &observer))
  }

  func issuerIndex(_ reader: TokenReader) -> Int? {
    for index in issuers.indices {
      for spelling in issuers[index].spellings where reader.unverifiedIssuerIs(spelling) { return index }
    }
    return nil
  }
}
