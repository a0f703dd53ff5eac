import OpenSSL
import TestPeers
import Testing

@Suite struct HashFunctionTests {
  /// FIPS 180-4, example "abc".
  @Test(arguments: [
    (HashFunction.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      .sha384,
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
    ),
    (
      .sha512,
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    ),
  ])
  func `the digest of abc is the published one`(hash: HashFunction, digest: String) {
    let content = bytes("abc")
    let result = hash.digest(of: content)
    #expect(result == hexadecimal(digest))
    var output: [UInt8] = [7]
    hash.digest(of: content.span, appendingTo: &output)
    #expect(output == [7] + hexadecimal(digest))
  }

  @Test func `an empty text has a digest`() {
    let result = HashFunction.sha256.digest(of: [UInt8]())
    #expect(result == hexadecimal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))
  }
}

@Suite struct RandomTests {
  @Test func `two draws differ`() throws {
    #expect(try randomBytes(32) != randomBytes(32))
    #expect(try randomBytes(0) == [])
    #expect(try randomBytes(33).count == 33)
  }

  @Test(
    arguments: [
      ([1, 2, 3], [1, 2, 3], true), ([1, 2, 3], [1, 2, 4], false), ([0, 2, 3], [1, 2, 3], false),
      ([1, 2], [1, 2, 3], false),
      ([], [], true),
    ] as [([UInt8], [UInt8], Bool)])
  func `equality in constant time is equality`(left: [UInt8], right: [UInt8], isEqual: Bool) {
    let result = isEqualInConstantTime(left.span, right.span)
    #expect(result == isEqual)
  }
}
