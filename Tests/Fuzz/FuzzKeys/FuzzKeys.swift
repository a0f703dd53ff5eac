import Driver
import JOSE

/// Any bytes as a JWK Set or as a key in PEM: no usable key is ever a secret, and none has a private part.
enum FuzzKeys {
  static func judge(_ text: [UInt8]) {
    if let set = try? JWKSet(text.span) {
      precondition(!set.keys.isEmpty && set.keys.count <= JWKSet.maximumKeyCount)
      for key in set.keys {
        precondition(key.publicKey != nil, "a published secret is used")
        precondition(!key.algorithms.contains(.hs256) && !key.algorithms.isEmpty)
      }
    }
    _ = try? VerificationKey(pem: text.span)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzKeys.judge(unsafe bytes(start, count))
  return 0
}
