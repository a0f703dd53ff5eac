public import OpenSSL

/// Why a JWK Set is refused as a whole.
public enum JWKSetError: Error, Equatable, Sendable {
  /// Not strict JSON, or an array `keys` of objects is missing (RFC 7517 §5).
  case malformed
  case tooLarge
  case tooManyKeys
  /// Secrets beside public keys: no issuer needs both, and confusing them is the oldest attack.
  case secretsMixed
  /// No key of it can verify a token.
  case noUsableKey
}

/// Why one key of a set is passed over; the rest of the set counts.
public enum JWKRefusal: Error, Equatable, Sendable {
  /// A member is missing, of another type, or not strict base64url.
  case malformed
  /// A `kty` or `crv` that no accepted algorithm uses.
  case typeUnsupported
  /// `use` or `key_ops` name other purposes than verifying signatures.
  case purposeRefused
  /// `alg` is no accepted algorithm, or not one for this key.
  case algorithmUnsupported
  /// A private member is published with it: whoever can read the set can sign.
  case privateKeyExposed
  /// A symmetric key where only public ones may be.
  case secretRefused
  case keyRefused(KeyFailure)
}

/// The usable keys of a JWK Set (RFC 7517 §5).
public struct JWKSet: Sendable {
  public let keys: [VerificationKey]
  /// The keys that were passed over, with their position in the set.
  public let refused: [(position: Int, keyID: String?, reason: JWKRefusal)]

  /// Keys in one set. Above: ``JWKSetError/tooManyKeys``.
  public static let maximumKeyCount = 256

  /// - Parameters:
  ///   - text: the JSON text, at most `maximumBytes` long.
  ///   - allowsSecrets: false for every set that came over the network.
  public init(_ text: Span<UInt8>, maximumBytes: Int = 1 << 20, allowsSecrets: Bool = false) throws(JWKSetError) {
    let document: JSONDocument
    do throws(JSONError) {
      document = try JSONDocument(text, limits: JSONLimits(textBytes: maximumBytes, depthCount: 16))
    } catch { throw error == .tooLarge ? .tooLarge : .malformed }
    guard let list = document.member("keys"), document.kind(of: list) == .array,
      document.elements(of: list).allSatisfy({ document.kind(of: $0) == .object })
    else { throw .malformed }
    guard document.count(of: list) <= Self.maximumKeyCount else { throw .tooManyKeys }

    var keys: [(key: VerificationKey, members: PublicKey.Members?)] = []
    var refused: [(position: Int, keyID: String?, reason: JWKRefusal)] = []
    for (position, node) in document.elements(of: list).enumerated() {
      do throws(JWKRefusal) {
        let key = try VerificationKey(jwk: node, of: document, allowsSecrets: allowsSecrets)
        let members = try? key.publicKey?.members()
        let isRepeated = keys.contains { other in
          other.members != nil && other.members == members && other.key.algorithms == key.algorithms
            && Self.isSame(other.key.keyID, key.keyID)
        }
        // The same key twice is one key; it must not make the choice ambiguous.
        if !isRepeated { keys.append((key, members)) }
      } catch {
        refused.append((position, document.member("kid", of: node).flatMap { document.string($0) }, error))
      }
    }
    guard !keys.isEmpty else { throw .noUsableKey }
    let secretCount = keys.count { $0.key.publicKey == nil }
    guard secretCount == 0 || secretCount == keys.count else { throw .secretsMixed }
    self.keys = keys.map(\.key)
    self.refused = refused
  }

  private static func isSame(_ left: String?, _ right: String?) -> Bool {
    switch (left, right) {
    case (nil, nil): true
    case (let left?, let right?): left.utf8.span.hasSameBytes(as: right.utf8.span)
    default: false
    }
  }
}

extension VerificationKey {
  /// A single JWK (RFC 7517 §4).
  public init(jwk text: Span<UInt8>, allowsSecrets: Bool = false) throws(JWKRefusal) {
    let document: JSONDocument
    do {
      document = try JSONDocument(text, limits: JSONLimits(textBytes: 65_536, depthCount: 16))
    } catch { throw .malformed }
    try self.init(jwk: document.root, of: document, allowsSecrets: allowsSecrets)
  }

  init(jwk node: JSONDocument.Node, of document: JSONDocument, allowsSecrets: Bool) throws(JWKRefusal) {
    let jwk = JWKMembers(document: document, node: node)
    guard let type = try jwk.string("kty") else { throw .malformed }
    let keyID = try jwk.string("kid")
    if let keyID, keyID.utf8.count > JOSEHeader.maximumKeyIDBytes { throw .malformed }
    try jwk.checkPurpose()
    let algorithm = try jwk.algorithm()
    switch type {
    case "RSA":
      try jwk.checkPublic()
      let modulus = try jwk.bytes("n")
      let exponent = try jwk.bytes("e")
      let key = try Self.key { () throws(KeyFailure) in
        try PublicKey(rsaModulus: modulus.span, exponent: exponent.span)
      }
      self.init(key, keyID: keyID, restrictedTo: algorithm)
    case "EC":
      try jwk.checkPublic()
      guard let name = try jwk.string("crv") else { throw .malformed }
      guard let curve = Curve.allCases.first(where: { $0.jwkName == name }) else { throw .typeUnsupported }
      let x = try jwk.bytes("x")
      let y = try jwk.bytes("y")
      let key = try Self.key { () throws(KeyFailure) in try PublicKey(curve: curve, x: x.span, y: y.span) }
      self.init(key, keyID: keyID, restrictedTo: algorithm)
    case "OKP":
      try jwk.checkPublic()
      guard let name = try jwk.string("crv") else { throw .malformed }
      guard name == "Ed25519" else { throw .typeUnsupported }
      let x = try jwk.bytes("x")
      let key = try Self.key { () throws(KeyFailure) in try PublicKey(ed25519: x.span) }
      self.init(key, keyID: keyID, restrictedTo: algorithm)
    case "oct":
      guard allowsSecrets else { throw .secretRefused }
      let secret = try jwk.bytes("k")
      self = try Self.key { () throws(KeyFailure) in
        try VerificationKey(secret: secret.span, keyID: keyID, restrictedTo: algorithm)
      }
    default:
      throw .typeUnsupported
    }
    guard !algorithms.isEmpty else { throw .algorithmUnsupported }
  }

  private static func key<Key>(_ make: () throws(KeyFailure) -> Key) throws(JWKRefusal) -> Key {
    do throws(KeyFailure) { return try make() } catch { throw .keyRefused(error) }
  }
}

/// The members of one JWK, read strictly.
private struct JWKMembers {
  let document: JSONDocument
  let node: JSONDocument.Node

  func string(_ name: String) throws(JWKRefusal) -> String? {
    guard let member = document.member(name, of: node) else { return nil }
    guard let value = document.string(member) else { throw .malformed }
    return value
  }

  func bytes(_ name: String) throws(JWKRefusal) -> [UInt8] {
    guard let member = document.member(name, of: node), let range = document.stringRange(member), !range.isEmpty else {
      throw .malformed
    }
    do { return try Base64URL.decode(document.bytes.span.extracting(range)) } catch { throw .malformed }
  }

  /// RFC 7517 §4.2, §4.3: what is named must include verifying signatures.
  func checkPurpose() throws(JWKRefusal) {
    if let use = try string("use"), use != "sig" { throw .purposeRefused }
    guard let operations = document.member("key_ops", of: node) else { return }
    guard document.kind(of: operations) == .array else { throw .malformed }
    var verifies = false
    for operation in document.elements(of: operations) {
      guard document.kind(of: operation) == .string else { throw .malformed }
      if document.isString(operation, equalTo: "verify") { verifies = true }
    }
    guard verifies else { throw .purposeRefused }
  }

  func algorithm() throws(JWKRefusal) -> Algorithm? {
    guard let name = try string("alg") else { return nil }
    guard let algorithm = Algorithm(name: name) else { throw .algorithmUnsupported }
    return algorithm
  }

  func checkPublic() throws(JWKRefusal) {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] where document.member(name, of: node) != nil {
      throw .privateKeyExposed
    }
  }
}
