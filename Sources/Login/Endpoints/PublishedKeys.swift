internal import JOSE
internal import OpenSSL

extension LoginEndpoints {
  /// `GET jwks.json`: the public halves of our keys (RFC 7517 §5).
  public func jwks() async -> EndpointAnswer {
    do throws(LoginReason) {
      let keys = try await signingKeys()
      var content = JSONWriter()
      do throws(KeyFailure) { try content.jwkSet(keys.published) } catch { throw .internalError }
      return EndpointAnswer(content, mediaType: "application/jwk-set+json")
    } catch {
      return .refusal(error, error == .stateUnavailable ? "Temporarily unavailable" : "Internal server error")
    }
  }
}
