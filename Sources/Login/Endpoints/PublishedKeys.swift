internal import JOSE
internal import OpenSSL

extension LoginEndpoints {
  /// `GET jwks.json`: the public halves of our keys (RFC 7517 §5). They may be kept for half the time that a new key is
  /// announced before it signs.
  public func jwks() async -> EndpointAnswer {
    do throws(LoginReason) {
      let keys = try await signingKeys()
      var content = JSONWriter()
      do throws(KeyFailure) { try content.jwkSet(keys.published) } catch { throw .internalError }
      return EndpointAnswer(
        content, mediaType: "application/jwk-set+json", cacheControl: "public, max-age=300")
    } catch {
      return .refusal(error, error == .stateUnavailable ? "Temporarily unavailable" : "Internal server error")
    }
  }
}
