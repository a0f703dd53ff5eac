import JOSE
import OpenSSL
import TestPeers
import Testing

@Suite struct `Key snapshots` {
  static func key(_ factory: TokenFactory) throws -> VerificationKey {
    try JWKSet([UInt8](factory.jwkSet.utf8).span).keys[0]
  }

  @Test func `the keys of an issuer are found by its exact name`() {
    let snapshot = KeySnapshot([
      .init(issuer: "https://a.test", availability: .expired), .init(issuer: "https://b.test", availability: .pending),
    ])
    guard case .expired = snapshot.availability(of: "https://a.test") else {
      Issue.record("not found")
      return
    }
    for other in ["https://b.test", "https://a.test/", "HTTPS://a.test", ""] {
      guard case .pending = snapshot.availability(of: other) else {
        Issue.record("\(other) was found")
        return
      }
    }
  }

  @Test func `a key that was read again is the same key`() throws {
    let factory = try TokenFactory()
    #expect(try Self.key(factory).isSame(as: Self.key(factory)))
  }

  @Test func `another key, another ID and another algorithm are another key`() throws {
    let factory = try TokenFactory()
    let renamed = try TokenFactory(keyID: "key-2", privateKey: factory.privateKey)
    #expect(try !Self.key(factory).isSame(as: Self.key(TokenFactory())))
    #expect(try !Self.key(factory).isSame(as: Self.key(renamed)))
    let rsa = try TokenFactory(algorithm: .rs256)
    let unrestricted = VerificationKey(rsa.privateKey.publicKey, keyID: "key-1")
    #expect(try !Self.key(rsa).isSame(as: unrestricted))
  }

  @Test func `a secret is the same only as itself`() throws {
    let bytes = [UInt8](repeating: 7, count: 64)
    let secret = try VerificationKey(secret: bytes.span)
    #expect(secret.isSame(as: secret))
    #expect(try !secret.isSame(as: VerificationKey(secret: bytes.span)))
  }
}

@Suite struct `Token digests` {
  @Test func `a digest is SHA-256`() {
    // FIPS 180-4, the message "abc".
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let bytes = TokenDigest(of: [UInt8]("abc".utf8).span).bytes
    #expect(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == expected)
  }

  @Test func `a digest is what its bytes say`() {
    let digest = TokenDigest(of: [UInt8]("a.b.c".utf8).span)
    #expect(TokenDigest(bytes: digest.bytes) == digest)
    #expect(TokenDigest(bytes: TokenDigest(of: [UInt8]("a.d.c".utf8).span).bytes) != digest)
    #expect(TokenDigest(bytes: [1, 2, 3]) == nil)
  }

  @Test func `a digest is of what was signed: another signature names the same token`() {
    let digest = TokenDigest(of: [UInt8]("a.b.c".utf8).span)
    #expect(TokenDigest(of: [UInt8]("a.b.d".utf8).span) == digest)
    #expect(TokenDigest(of: [UInt8]("d.b.c".utf8).span) != digest)
  }
}
