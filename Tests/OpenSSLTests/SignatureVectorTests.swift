import OpenSSL
import TestPeers
import Testing

/// Wycheproof's signature files: the accepted cases are exactly its valid ones, unless a table below says otherwise.
@Suite struct SignatureVectorTests {
  private func accepted(_ file: WycheproofFile, _ algorithm: (WycheproofFile.Group) -> SignatureAlgorithm?) throws
    -> [Int]
  {
    var accepted: [Int] = []
    for group in file.testGroups {
      guard let algorithm = algorithm(group) else { continue }
      let key = try PublicKey(pem: bytes(#require(group.publicKeyPem)))
      for test in group.tests {
        let signature = hexadecimal(try #require(test.sig))
        if key.accepts(signature, over: hexadecimal(test.msg), algorithm) { accepted.append(test.tcId) }
      }
    }
    return accepted
  }

  @Test(arguments: [
    // `acceptable` (tcId 8 of each RSA file: DigestInfo without NULL) is not among the valid ones: refused.
    ("rsa_signature_2048_sha256", SignatureAlgorithm.rs256, 259, 9),
    ("rsa_signature_2048_sha384", .rs384, 258, 7),
    ("rsa_signature_2048_sha512", .rs512, 259, 8),
    ("rsa_pss_2048_sha256_mgf1_32", .ps256, 108, 63),
    ("rsa_pss_3072_sha256_mgf1_32", .ps256, 108, 63),
    ("rsa_pss_4096_sha256_mgf1_32", .ps256, 108, 63),
    ("rsa_pss_2048_sha384_mgf1_48", .ps384, 141, 95),
    ("rsa_pss_4096_sha384_mgf1_48", .ps384, 141, 95),
    ("rsa_pss_4096_sha512_mgf1_64", .ps512, 179, 132),
    ("ecdsa_secp256r1_sha256_p1363", .es256, 262, 173),
    ("ecdsa_secp384r1_sha384_p1363", .es384, 280, 193),
    ("ecdsa_secp521r1_sha512_p1363", .es512, 318, 231),
    ("ed25519", .edDSA, 151, 88),
  ])
  func `exactly the valid signatures are accepted`(
    name: String, algorithm: SignatureAlgorithm, count: Int, validCount: Int
  ) throws {
    let file = try WycheproofFile(name)
    let valid = file.identifiers { $1.result == "valid" }
    #expect(file.identifiers { _, _ in true }.count == count)
    #expect(valid.count == validCount)
    #expect(try accepted(file) { _ in algorithm } == valid)
  }

  /// Each file is tried with every algorithm of RSASSA-PSS; its 61 to 132 valid signatures are made with other
  /// parameters. tcId 69 of the first ("s_len changed to 32") is invalid there because it is just what PS256 asks for.
  @Test(arguments: [
    ("rsa_pss_2048_sha256_mgf1_0", 103, [SignatureAlgorithm.ps256: [69]]),
    ("rsa_pss_2048_sha256_mgf1sha1_20", 108, [:]),
    ("rsa_pss_4096_sha512_mgf1_32", 177, [:]),
  ])
  func `PSS with a salt or mask hash that JWA does not allow is refused`(
    name: String, count: Int, exceptions: [SignatureAlgorithm: [Int]]
  ) throws {
    let file = try WycheproofFile(name)
    #expect(file.identifiers { _, _ in true }.count == count)
    for algorithm in [SignatureAlgorithm.ps256, .ps384, .ps512] {
      #expect(try accepted(file) { _ in algorithm } == exceptions[algorithm, default: []])
    }
  }

  @Test func `of the grid of PSS parameters only those of JWA are accepted`() throws {
    let file = try WycheproofFile("rsa_pss_misc")
    let hashes: [String: (SignatureAlgorithm, Int)] = [
      "SHA-256": (.ps256, 32), "SHA-384": (.ps384, 48), "SHA-512": (.ps512, 64),
    ]
    let expected = file.identifiers { group, _ in
      group.sha.flatMap { hashes[$0] }.map { group.mgfSha == group.sha && group.sLen == $0.1 } ?? false
    }
    #expect(file.identifiers { _, _ in true }.count == 150)
    #expect(!expected.isEmpty)
    for algorithm in [SignatureAlgorithm.ps256, .ps384, .ps512] {
      let ofAlgorithm = file.identifiers { group, test in
        expected.contains(test.tcId) && group.sha.flatMap { hashes[$0] }?.0 == algorithm
      }
      #expect(try accepted(file) { _ in algorithm } == ofAlgorithm)
    }
  }

  /// 33 of the 66 valid tags of a file are cut to half: a JWS carries the whole tag (RFC 7518 §3.2).
  @Test(arguments: [("hmac_sha256", HashFunction.sha256), ("hmac_sha384", .sha384), ("hmac_sha512", .sha512)])
  func `exactly the valid untruncated tags are accepted`(name: String, hash: HashFunction) throws {
    let file = try WycheproofFile(name)
    #expect(file.identifiers { _, _ in true }.count == 174)
    let accepted = try file.identifiers { _, test in
      let key = try MessageAuthenticationKey(secret: hexadecimal(#require(test.key)), hash: hash)
      return try key.accepts(hexadecimal(#require(test.tag)), over: hexadecimal(test.msg))
    }
    let valid = file.identifiers { $1.result == "valid" && $0.tagSize == hash.digestBytes * 8 }
    #expect(valid.count == 33)
    #expect(accepted == valid)
  }
}
