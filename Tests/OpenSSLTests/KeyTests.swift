import Foundation
import OpenSSL
import TestPeers
import Testing

@Suite struct PrivateKeyTests {
  static let rsa = Result { try PrivateKey.generate(.rsa2048) }

  private static func key(_ kind: PrivateKey.Generated) throws -> PrivateKey {
    kind == .rsa2048 ? try rsa.get() : try .generate(kind)
  }

  private static let algorithms: [(PrivateKey.Generated, [SignatureAlgorithm])] = [
    (.p256, [.es256]), (.rsa2048, [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]), (.ed25519, [.edDSA]),
  ]

  @Test(arguments: algorithms)
  func `what a key signs its public half verifies`(kind: PrivateKey.Generated, algorithms: [SignatureAlgorithm]) throws
  {
    let key = try Self.key(kind)
    let content = bytes("content")
    for algorithm in algorithms {
      let signature = try key.sign(content, algorithm)
      #expect(key.publicKey.accepts(signature, over: content, algorithm))
      #expect(!key.publicKey.accepts(signature, over: bytes("Content"), algorithm))
      for other in SignatureAlgorithm.allCases where other != algorithm {
        #expect(!key.publicKey.accepts(signature, over: content, other))
      }
    }
  }

  @Test(arguments: algorithms)
  func `an algorithm that does not fit the key is refused`(
    kind: PrivateKey.Generated, algorithms: [SignatureAlgorithm]
  ) throws {
    let key = try Self.key(kind)
    for other in SignatureAlgorithm.allCases where !algorithms.contains(other) {
      #expect(throws: KeyFailure.algorithmRefused) { try key.sign([], other) }
    }
  }

  @Test(arguments: algorithms)
  func `a key survives its PEM`(kind: PrivateKey.Generated, algorithms: [SignatureAlgorithm]) throws {
    let key = try Self.key(kind)
    let copy = try PrivateKey(pem: key.pem())
    #expect(try String(decoding: key.pem(), as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    #expect(try copy.publicKey.members() == key.publicKey.members())
    let signature = try copy.sign(bytes("x"), algorithms[0])
    #expect(key.publicKey.accepts(signature, over: bytes("x"), algorithms[0]))
  }

  /// r and s have leading zeros in one signature of 128: enough are made to meet them.
  @Test func `ECDSA signatures always have full length`() throws {
    let key = try PrivateKey.generate(.p256)
    for index in 0..<1024 {
      let content = [UInt8(index & 0xFF), UInt8(index >> 8)]
      let signature = try key.sign(content, .es256)
      #expect(signature.count == 64)
      #expect(key.publicKey.accepts(signature, over: content, .es256))
    }
  }

  @Test func `threads share a key`() async throws {
    let key = try PrivateKey.generate(.p256)
    let signature = try key.sign(bytes("x"), .es256)
    let valid = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<50).allSatisfy { _ in
            key.publicKey.accepts(signature, over: bytes("x"), .es256)
          }
        }
      }
      return await group.reduce(true) { $0 && $1 }
    }
    #expect(valid)
  }
}

@Suite struct PublicKeyTests {
  private static let modulus = [UInt8](repeating: 0xC5, count: 256)

  @Test(arguments: [
    ([UInt8](repeating: 0xC5, count: 255), [1, 0, 1], KeyFailure.modulusRefused),
    ([0x7F] + [UInt8](repeating: 0xC5, count: 255), [1, 0, 1], .modulusRefused),
    ([UInt8](repeating: 0xC5, count: 1025), [1, 0, 1], .modulusRefused),
    ([UInt8](repeating: 0xC5, count: 100_000), [1, 0, 1], .modulusRefused),
    ([UInt8](repeating: 0xC4, count: 256), [1, 0, 1], .modulusRefused),
    ([], [1, 0, 1], .modulusRefused),
    (modulus, [], .exponentRefused),
    (modulus, [0], .exponentRefused),
    (modulus, [1], .exponentRefused),
    (modulus, [2], .exponentRefused),
    (modulus, [1, 0, 0], .exponentRefused),
    (modulus, [1, 0, 0, 0, 1], .exponentRefused),
    (modulus, [UInt8](repeating: 1, count: 100), .exponentRefused),
  ])
  func `an RSA key outside of the policy is refused`(modulus: [UInt8], exponent: [UInt8], failure: KeyFailure) {
    #expect(throws: failure) { try PublicKey(rsaModulus: modulus, exponent: exponent) }
  }

  @Test(arguments: [
    ([1, 0, 1], 256, 2048), ([3], 256, 2048), ([0xFF, 0xFF, 0xFF, 0xFF], 1024, 8192), ([0, 1, 0, 1], 384, 3072),
  ])
  func `an RSA key inside of the policy is accepted`(exponent: [UInt8], count: Int, bits: Int) throws {
    let modulus = [UInt8](repeating: 0xC5, count: count)
    let key = try PublicKey(rsaModulus: ([0] + modulus), exponent: exponent)
    #expect(key.kind == .rsa(modulusBits: bits))
    #expect(try key.members() == .rsa(modulus: modulus, exponent: Array(exponent.drop { $0 == 0 })))
  }

  @Test(arguments: Curve.allCases)
  func `coordinates that are no point of the curve are refused`(curve: Curve) {
    let coordinate = [UInt8](repeating: 1, count: curve.coordinateBytes)
    let zero = [UInt8](repeating: 0, count: curve.coordinateBytes)
    let large = [UInt8](repeating: 0xFF, count: curve.coordinateBytes)
    for (x, y) in [(coordinate, coordinate), (zero, zero), (large, large), (coordinate, []), ([], coordinate)] {
      #expect(throws: KeyFailure.pointRefused) { try PublicKey(curve: curve, x: x, y: y) }
    }
  }

  @Test func `a point keeps to its curve`() throws {
    guard case .ellipticCurve(_, let x, let y) = try PrivateKey.generate(.p256).publicKey.members() else {
      Issue.record("no point")
      return
    }
    #expect(try PublicKey(curve: .p256, x: x, y: y).kind == .ellipticCurve(.p256))
    let padding = [UInt8](repeating: 0, count: 16)
    #expect(throws: KeyFailure.pointRefused) {
      try PublicKey(curve: .p384, x: (padding + x), y: (padding + y))
    }
  }

  @Test(arguments: [0, 31, 33])
  func `an Ed25519 key of another length is refused`(count: Int) {
    #expect(throws: KeyFailure.pointRefused) { try PublicKey(ed25519: [UInt8](repeating: 1, count: count)) }
  }

  @Test(arguments: [
    "", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA",
  ])
  func `a text that is no PEM of a public key is refused`(text: String) {
    #expect(throws: KeyFailure.malformed) { try PublicKey(pem: bytes(text)) }
  }

  @Test func `a private key does not pass as a public one`() throws {
    let pem = try PrivateKey.generate(.ed25519).pem()
    #expect(throws: KeyFailure.malformed) { try PublicKey(pem: pem) }
  }
}

/// Keys made by the `openssl` command.
@Suite struct ForeignKeyTests {
  @Test(arguments: [
    ("P-256", Curve.p256, SignatureAlgorithm.es256), ("P-384", .p384, .es384), ("P-521", .p521, .es512),
  ])
  func `a key of each curve signs`(name: String, curve: Curve, algorithm: SignatureAlgorithm) throws {
    let key = try PrivateKey(pem: openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(name)"]))
    #expect(key.kind == .ellipticCurve(curve))
    let signature = try key.sign(bytes("x"), algorithm)
    #expect(signature.count == 2 * curve.coordinateBytes)
    #expect(key.publicKey.accepts(signature, over: bytes("x"), algorithm))
  }

  @Test(arguments: [
    (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], KeyFailure.unsupported),
    (["-algorithm", "X25519"], .unsupported),
    (["-algorithm", "ED448"], .unsupported),
    (["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], .unsupported),
    (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], .modulusRefused),
    (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-aes256", "-pass", "pass:secret"], .malformed),
  ])
  func `a key of another kind is refused`(arguments: [String], failure: KeyFailure) throws {
    let pem = try openssl(["genpkey"] + arguments)
    #expect(throws: failure) { try PrivateKey(pem: pem) }
  }

  private func openssl(_ arguments: [String]) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.start()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return [UInt8](data)
  }
}
