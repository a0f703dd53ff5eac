public import JOSE

/// What a token says, and what its signature is worth, whatever was decided about it: for `explain`. Nothing is decided
/// by it.
public struct TokenInspection: Sendable {
  public enum Signature: Equatable, Sendable {
    /// Found right with the key of that ID, whatever else is wrong with the token.
    case good(keyID: String?)
    /// Not that of the key which the token names.
    case wrong
    /// Not looked at, and why: nobody vouches for the claims.
    case unverified(String)
  }

  /// Empty where it is no JSON object.
  public let header: JSONDocument
  /// Empty where they are no JSON object.
  public let claims: JSONDocument
  public let signature: Signature
}

extension Policy {
  /// - Parameter token: a compact JWS, or whatever else.
  public func inspect(_ token: [UInt8], keys: KeySnapshot) -> TokenInspection {
    let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { Array($0) }
    return TokenInspection(
      header: Self.object(parts.first), claims: Self.object(parts.dropFirst().first),
      signature: signature(of: token, keys))
  }

  private func signature(of token: [UInt8], _ keys: KeySnapshot) -> TokenInspection.Signature {
    var reader = TokenReader()
    do throws(TokenError) { try reader.read(token.span, maximumBytes: credentials.tokenBytes) } catch {
      return .unverified("the token is refused before its signature is looked at")
    }
    guard let index = issuerIndex(reader) else { return .unverified("its issuer is not configured") }
    guard case .usable(let list, _) = keys.availability(of: issuers[index].issuer) else {
      return .unverified("no keys of its issuer are at hand")
    }
    switch list.selection(for: reader.header) {
    case .ambiguous: return .unverified("it names no key, and several fit")
    case .unknown: return .unverified("its issuer has no such key")
    case .algorithmRefused: return .unverified("the key that it names is not one for its algorithm")
    case .key(let position):
      do throws(TokenError) {
        _ = try reader.verify(with: list[position])
        return .good(keyID: list[position].keyID)
      } catch {
        // The claims are looked at behind the signature.
        return error == .claimInvalid ? .good(keyID: list[position].keyID) : .wrong
      }
    }
  }

  private static func object(_ part: [UInt8]?) -> JSONDocument {
    guard let part, let text = try? Base64URL.decode(part.span),
      let document = try? JSONDocument(text.span, limits: JSONLimits(textBytes: 1 << 20)),
      document.kind(of: document.root) == .object
    else { return JSONDocument() }
    return document
  }
}
