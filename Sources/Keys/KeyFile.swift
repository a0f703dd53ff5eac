public import JOSE
internal import Transport

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

extension Configuration.Issuer {
  /// The keys of a source that is on this host, read now; nil for those that are fetched or handed in.
  public func localKeys() throws(KeyFetchFailure) -> [VerificationKey]? {
    switch source {
    case .url, .discovery: return nil
    case .fixed(let keys): return keys.isEmpty ? nil : keys
    case .file(let path): return try KeyFile.keys(try Self.content(path)).keys
    case .secretFile(let path, let allowsShort):
      return try KeyFetch.keys(ofSecret: try Self.content(path), allowsShort: allowsShort)
    }
  }

  private static func content(_ path: String) throws(KeyFetchFailure) -> [UInt8] {
    do throws(Errno) { return try FileContent.read(path, limitBytes: KeyFile.limitBytes) } catch {
      throw .fileUnreadable
    }
  }
}
