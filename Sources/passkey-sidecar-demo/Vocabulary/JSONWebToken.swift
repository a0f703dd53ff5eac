import OpenSSL

/// An RSA key that signs JWTs with RS256, and its public half as a key set shows it.
struct TokenSigningKey: Sendable {
  let id: String
  let key: PrivateKey
  let jwk: JSON

  /// A new key of 2048 bits.
  init(id: String) throws(KeyFailure) {
    self.id = id
    key = try .generate(.rsa2048)
    guard case .rsa(let modulus, let exponent) = try key.publicKey.members() else { throw .unsupported }
    jwk = [
      "kty": "RSA", "alg": "RS256", "use": "sig", "kid": .string(id), "n": .string(Base64.urlEncoded(modulus)),
      "e": .string(Base64.urlEncoded(exponent)),
    ]
  }

  /// The claims as a compact JWS. `header` replaces members of the protected header; null removes one.
  func token(_ claims: JSON, header overrides: JSON = [:]) throws(KeyFailure) -> String {
    var header: JSON = ["alg": "RS256", "kid": .string(id), "typ": "JWT"]
    for member in overrides.members ?? [] { header.set(member.name, member.value == .null ? nil : member.value) }
    let input = Base64.urlEncoded(header.bytes) + "." + Base64.urlEncoded(claims.bytes)
    return input + "." + Base64.urlEncoded(try key.signature(over: Array(input.utf8).span, algorithm: .rs256))
  }
}

/// A compact JWS taken apart, nothing in it trusted yet.
struct CompactToken {
  var header: JSON
  var claims: JSON
  private var signingInput: [UInt8]
  private var signature: [UInt8]

  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64.urlDecoded(parts[0]).flatMap({ try? JSON(reading: $0) }),
      let claims = Base64.urlDecoded(parts[1]).flatMap({ try? JSON(reading: $0) }),
      let signature = Base64.urlDecoded(parts[2])
    else { return nil }
    self.header = header
    self.claims = claims
    self.signature = signature
    signingInput = Array((parts[0] + "." + parts[1]).utf8)
  }

  func isSigned(byOneOf keys: [TokenSigningKey]) -> Bool {
    guard header["alg"] == "RS256", let key = keys.first(where: { .string($0.id) == header["kid"] }) else {
      return false
    }
    return key.key.publicKey.isValid(signature: signature.span, over: signingInput.span, algorithm: .rs256)
  }
}
