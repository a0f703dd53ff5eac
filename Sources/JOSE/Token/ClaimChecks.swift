/// The rules of RFC 7519 §4.1, each with an error of its own. Pure: the moment is an argument.
extension Claims {
  /// `exp` is required and not reached, `nbf` is reached, `iat` is not in the future; all give way by `leeway`.
  ///
  /// - Throws: ``TokenError/claimInvalid`` without `exp`, ``TokenError/expired``, ``TokenError/notYetValid``
  public func checkTimes(now: UnixTime, leeway: Duration) throws(TokenError) {
    guard let expiration else { throw .claimInvalid }
    guard now < expiration + leeway else { throw .expired }
    if let notBefore, notBefore > now + leeway { throw .notYetValid }
    if let issuedAt, issuedAt > now + leeway { throw .notYetValid }
  }

  /// `iss` is `issuer`, byte for byte.
  ///
  /// - Throws: ``TokenError/issuerUnknown``
  public func checkIssuer(_ issuer: String) throws(TokenError) {
    guard let node = claim("iss"), document.isString(node, equalTo: issuer) else { throw .issuerUnknown }
  }

  /// One of `accepted` is in `aud`, byte for byte.
  ///
  /// - Throws: ``TokenError/audienceMismatch``
  public func checkAudience(_ accepted: [String]) throws(TokenError) {
    guard let node = claim("aud") else { throw .audienceMismatch }
    for audience in accepted {
      if document.isString(node, equalTo: audience) { return }
      for element in document.elements(of: node) where document.isString(element, equalTo: audience) { return }
    }
    throw .audienceMismatch
  }

  /// `sub` is there and not empty.
  ///
  /// - Throws: ``TokenError/subjectMissing``
  public func checkSubject() throws(TokenError) {
    guard let node = claim("sub"), let range = document.stringRange(node), !range.isEmpty else { throw .subjectMissing }
  }
}
