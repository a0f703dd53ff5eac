public import JOSE

/// Keys as they stand in a file: a JWK Set (RFC 7517 §5), or one public key in PEM (RFC 7468 §13).
public enum KeyFile {
  /// Bytes of such a file. Above: not read.
  public static let limitBytes = KeyService.contentLimitBytes

  /// - Returns: the keys, and how many of the set cannot be used.
  /// - Throws: `malformed`, `tooManyKeys`, `noUsableKey`
  public static func keys(
    _ content: [UInt8]
  ) throws(KeyFetchFailure) -> (keys: [VerificationKey], passedOverCount: Int) {
    let first = content.first { $0 != 0x20 && !(0x09...0x0D).contains($0) }
    if first == UInt8(ascii: "{") { return try KeyFetch.keys(ofSet: content) }
    return (try KeyFetch.keys(ofPEM: content), 0)
  }
}
