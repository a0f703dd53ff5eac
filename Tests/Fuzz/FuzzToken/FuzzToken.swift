import Driver
import JOSE

/// Any bytes as a token, under a key that nobody else has: none is ever good but the one that this key has signed.
enum FuzzToken {
  static let secret = [UInt8](repeating: 0x73, count: 64)
  static let key = try! VerificationKey(secret: secret.span)

  static func judge(_ text: [UInt8]) {
    var reader = TokenReader()
    do {
      try reader.read(text.span, maximumBytes: 16_384)
      _ = [FuzzToken.key].selection(for: reader.header)
      _ = reader.unverifiedIssuer
      let claims = try reader.verify(with: FuzzToken.key)
      // Signed by the corpus: then its parts are what they are, strict base64url and three of them.
      precondition(text.split(separator: 0x2E, omittingEmptySubsequences: false).count == 3)
      _ = try? claims.checkTimes(now: UnixTime(seconds: 1_800_000_000), leeway: .seconds(30))
      _ = try? claims.checkAudience(["my-app"])
    } catch {}
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  FuzzToken.judge(unsafe bytes(start, count))
  return 0
}
