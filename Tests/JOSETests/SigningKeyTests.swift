import Foundation
import JOSE
import OpenSSL
import TestPeers
import Testing

@Suite struct SigningKeyTests {
  private func claims() -> JSONWriter {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("sub", "alice")
    writer.endObject()
    return writer
  }

  @Test(arguments: [
    (PrivateKey.Generated.p256, Algorithm.es256), (.rsa2048, .rs256), (.rsa2048, .ps512), (.ed25519, .edDSA),
  ])
  func `what a key mints verifies with its published half`(kind: PrivateKey.Generated, algorithm: Algorithm) throws {
    let key = try SigningKey(.generate(kind), algorithm: algorithm)
    let token = String(decoding: try key.mint(claims(), type: "at+jwt"), as: UTF8.self)
    var writer = JSONWriter()
    try writer.jwkSet([key])
    let set = try JWKSet(String(decoding: writer.bytes, as: UTF8.self))
    #expect(set.keys[0].algorithms == AlgorithmSet([algorithm]))
    var reader = TokenReader()
    try reader.read(token)
    #expect(reader.header.type == "at+jwt")
    #expect(reader.header.keyID == key.keyID)
    #expect(set.keys.selection(for: reader.header) == .key(0))
    #expect(try reader.verify(with: set.keys[0]).subject == "alice")
  }

  @Test func `the header holds algorithm, type and key ID, and no more`() throws {
    let key = try SigningKey(.generate(.p256), algorithm: .es256, keyID: "k")
    let token = String(decoding: try key.mint(claims(), type: nil), as: UTF8.self)
    #expect(token.hasPrefix(TokenFactory.base64URL(bytes(#"{"alg":"ES256","kid":"k"}"#)) + "."))
  }

  @Test func `a secret mints too and is never published`() throws {
    let secret = [UInt8](repeating: 3, count: 32)
    let key = try SigningKey(secret: secret.span, algorithm: .hs256)
    let token = String(decoding: try key.mint(claims(), type: "JWT"), as: UTF8.self)
    #expect(try TokenReader.claims(of: token, key: VerificationKey(secret: secret)).subject == "alice")
    var writer = JSONWriter()
    try writer.jwkSet([key])
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"keys":[]}"#)
    #expect(throws: KeyFailure.algorithmRefused) { try SigningKey(secret: secret.span, algorithm: .hs384) }
    #expect(throws: KeyFailure.algorithmRefused) { try SigningKey(secret: secret.span, algorithm: .es256) }
  }

  @Test func `an algorithm that does not fit the key is refused`() throws {
    let key = try PrivateKey.generate(.p256)
    for algorithm in Algorithm.allCases where algorithm != .es256 {
      #expect(throws: KeyFailure.algorithmRefused) { try SigningKey(key, algorithm: algorithm) }
    }
  }

  /// RFC 7638 §3.1.
  @Test func `the thumbprint is that of RFC 7638`() throws {
    let key = try VerificationKey(
      jwk: #"""
        {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}
        """#)
    #expect(try key.publicKey?.thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
  }

  /// PyJWT, joserfc and the like are not here; the openssl command is.
  @Test func `the openssl command verifies what a key mints`() throws {
    let key = try PrivateKey.generate(.rsa2048)
    let token = String(decoding: try SigningKey(key, algorithm: .rs256).mint(claims(), type: nil), as: UTF8.self)
    let parts = token.split(separator: ".")
    let folder = FileManager.default.temporaryDirectory.appending(path: "mint-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(key.pem()).write(to: folder.appending(path: "key.pem"))
    try Data(Base64URL.decode(String(parts[2]))).write(to: folder.appending(path: "signature"))
    try Data("\(parts[0]).\(parts[1])".utf8).write(to: folder.appending(path: "input"))
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.currentDirectoryURL = folder
    process.arguments = ["openssl", "dgst", "-sha256", "-prverify", "key.pem", "-signature", "signature", "input"]
    process.standardOutput = FileHandle.nullDevice
    try process.start()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}
