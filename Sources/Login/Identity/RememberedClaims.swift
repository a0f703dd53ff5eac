internal import JOSE

/// What is kept of a conventional login's claims, so that a passkey login can tell the app the same.
enum RememberedClaims {
  /// Bytes of the object. A claim that does not fit any more is left out.
  static let maximumBytes = 4096

  /// An object with one member for each path that leads to a value, named by the whole path: as a name with dots it is
  /// found at the very same path again.
  static func object(from claims: JSONDocument, at paths: [ClaimPath]) -> [UInt8] {
    var object = JSONWriter()
    object.beginObject()
    for path in paths {
      guard let node = claims.node(at: path), claims.kind(of: node) != .null else { continue }
      var longer = object
      longer.member(path.text, node, of: claims)
      if longer.bytes.count < maximumBytes { object = longer }
    }
    object.endObject()
    return object.bytes
  }
}
