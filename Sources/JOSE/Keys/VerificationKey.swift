public import OpenSSL

/// A key that verifies tokens, with the algorithms that it fits and is meant for.
public struct VerificationKey: Sendable {
  public let keyID: String?
  public let algorithms: AlgorithmSet
  /// True for keys that were configured without an ID (PEM, secret): they serve tokens of any `kid`. A JWK without
  /// `kid` serves only tokens without.
  public let acceptsAnyKeyID: Bool
  private let material: Material

  private enum Material: Sendable {
    case publicKey(PublicKey)
    case secret(sha256: MessageAuthenticationKey?, sha384: MessageAuthenticationKey?, sha512: MessageAuthenticationKey?)
  }

  /// A configured public key.
  public init(_ publicKey: PublicKey, keyID: String? = nil) {
    self.init(publicKey, keyID: keyID, restrictedTo: nil, acceptsAnyKeyID: keyID == nil)
  }

  /// A configured public key in PEM (RFC 7468 §13).
  public init(pem: Span<UInt8>) throws(KeyFailure) { self.init(try PublicKey(pem: pem)) }

  init(_ publicKey: PublicKey, keyID: String?, restrictedTo algorithm: Algorithm?, acceptsAnyKeyID: Bool = false) {
    self.keyID = keyID
    self.acceptsAnyKeyID = acceptsAnyKeyID
    material = .publicKey(publicKey)
    algorithms = AlgorithmSet(
      Algorithm.allCases.filter { candidate in
        candidate.signature.map(publicKey.kind.fits) == true && (algorithm == nil || algorithm == candidate)
      })
  }

  /// A configured secret, for the HMAC algorithms whose hash is not longer than it (RFC 7518 §3.2).
  ///
  /// - Parameter allowsShort: accepts it for the longer hashes too.
  /// - Throws: ``OpenSSL/KeyFailure/algorithmRefused`` if it is too short for all of them.
  public init(secret: Span<UInt8>, keyID: String? = nil, allowsShort: Bool = false) throws(KeyFailure) {
    try self.init(
      secret: secret, keyID: keyID, restrictedTo: nil, allowsShort: allowsShort, acceptsAnyKeyID: keyID == nil)
  }

  init(
    secret: Span<UInt8>, keyID: String?, restrictedTo algorithm: Algorithm?, allowsShort: Bool = false,
    acceptsAnyKeyID: Bool = false
  ) throws(KeyFailure) {
    func key(_ candidate: Algorithm) throws(KeyFailure) -> MessageAuthenticationKey? {
      guard let hash = candidate.messageAuthentication, algorithm == nil || algorithm == candidate,
        allowsShort || secret.count >= hash.digestBytes
      else { return nil }
      return try MessageAuthenticationKey(secret: secret, hash: hash)
    }
    let sha256 = try key(.hs256)
    let sha384 = try key(.hs384)
    let sha512 = try key(.hs512)
    var algorithms: [Algorithm] = []
    if sha256 != nil { algorithms.append(.hs256) }
    if sha384 != nil { algorithms.append(.hs384) }
    if sha512 != nil { algorithms.append(.hs512) }
    guard !algorithms.isEmpty else { throw .algorithmRefused }
    self.keyID = keyID
    self.acceptsAnyKeyID = acceptsAnyKeyID
    self.algorithms = AlgorithmSet(algorithms)
    material = .secret(sha256: sha256, sha384: sha384, sha512: sha512)
  }

  /// The public key; nil for a secret.
  public var publicKey: PublicKey? {
    if case .publicKey(let key) = material { key } else { nil }
  }

  /// True if `signature` is this key's over `content`; false for whatever else.
  public func isValid(signature: Span<UInt8>, over content: Span<UInt8>, algorithm: Algorithm) -> Bool {
    guard algorithms.contains(algorithm) else { return false }
    switch material {
    case .publicKey(let key):
      guard let signatureAlgorithm = algorithm.signature else { return false }
      return key.isValid(signature: signature, over: content, algorithm: signatureAlgorithm)
    case .secret(let sha256, let sha384, let sha512):
      let key =
        switch algorithm.messageAuthentication {
        case .sha256: sha256
        case .sha384: sha384
        case .sha512: sha512
        case nil: nil as MessageAuthenticationKey?
        }
      return key?.isValid(tag: signature, over: content) ?? false
    }
  }
}

/// What looking for a token's key came to.
public enum KeySelection: Equatable, Sendable {
  /// Position of the key.
  case key(Int)
  /// No key of that ID, or without an ID none that fits: fetching the keys anew may help.
  case unknown
  /// Several keys fit, so the token does not say which: ``TokenError/keyUnknown``.
  case ambiguous
  /// The key of that ID does not fit the algorithm: ``TokenError/algorithmRefused``.
  case algorithmRefused
}

extension Array where Element == VerificationKey {
  /// The key for a token: by its `kid` and algorithm; without a `kid` only if exactly one key fits (RFC 7515 §6).
  public func selection(for header: JOSEHeader) -> KeySelection {
    var found: Int?
    var hasKeyID = false
    for index in indices {
      if header.hasKeyID {
        guard let keyID = self[index].keyID, header.isKeyID(keyID) else { continue }
        hasKeyID = true
      }
      guard self[index].algorithms.contains(header.algorithm) else { continue }
      guard found == nil else { return .ambiguous }
      found = index
    }
    if let found { return .key(found) }
    if hasKeyID { return .algorithmRefused }
    guard header.hasKeyID else { return .unknown }
    for index in indices where self[index].acceptsAnyKeyID && self[index].algorithms.contains(header.algorithm) {
      guard found == nil else { return .ambiguous }
      found = index
    }
    return found.map { .key($0) } ?? .unknown
  }
}

extension VerificationKey {
  /// The same ID, algorithms and key material. Secrets are the same only if they are one object.
  public func isSame(as other: VerificationKey) -> Bool {
    guard keyID == other.keyID, algorithms == other.algorithms, acceptsAnyKeyID == other.acceptsAnyKeyID else {
      return false
    }
    switch (material, other.material) {
    case (.publicKey(let left), .publicKey(let right)):
      if left === right { return true }
      guard let leftMembers = try? left.members(), let rightMembers = try? right.members() else { return false }
      return leftMembers == rightMembers
    case (.secret(let left256, let left384, let left512), .secret(let right256, let right384, let right512)):
      return left256 === right256 && left384 === right384 && left512 === right512
    default:
      return false
    }
  }
}
