import Driver
import JOSE

/// Any bytes as a JWK Set or as a key in PEM: no usable key is ever a secret, and none has a private part.
@main struct FuzzKeys {
  static func main() {
    unsafe fuzz { start, count in
      let text = unsafe bytes(start, count)
      if let set = try? JWKSet(text.span) {
        precondition(!set.keys.isEmpty && set.keys.count <= JWKSet.maximumKeyCount)
        for key in set.keys {
          precondition(key.publicKey != nil, "a published secret is used")
          precondition(!key.algorithms.contains(.hs256) && !key.algorithms.isEmpty)
        }
      }
      _ = try? VerificationKey(pem: text.span)
      return 0
    }
  }
}
