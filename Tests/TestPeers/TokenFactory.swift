import Foundation
import OpenSSL

/// An issuer for tests: one key, its JWK Set, and tokens with whatever header and claims.
///
/// It writes tokens with its own JSON and base64url, so that a fault of the product's reader cannot hide in its writer.
public struct TokenFactory: Sendable {
  public enum Algorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
    case ps256 = "PS256"
  }

  public let issuer: String
  public let keyID: String
  public let algorithm: Algorithm
  public let privateKey: PrivateKey

  /// - Parameter privateKey: nil makes a new key, for RS256 and PS256 takes one that all factories share (making one is slow).
  public init(
    issuer: String = "https://idp.test/", keyID: String = "key-1", algorithm: Algorithm = .es256,
    privateKey: PrivateKey? = nil
  ) throws {
    self.issuer = issuer
    self.keyID = keyID
    self.algorithm = algorithm
    self.privateKey =
      switch algorithm {
      case .rs256, .ps256: try privateKey ?? Self.sharedRSAKey.get()
      case .es256: try privateKey ?? .generate(.p256)
      case .edDSA: try privateKey ?? .generate(.ed25519)
      }
  }

  private static let sharedRSAKey = Result { try PrivateKey.generate(.rsa2048) }

  /// The public key as a JWK.
  public var jwk: String {
    get throws {
      let material =
        switch try privateKey.publicKey.members() {
        case .rsa(let modulus, let exponent):
          #""kty":"RSA","n":"\#(Self.base64URL(modulus))","e":"\#(Self.base64URL(exponent))""#
        case .ellipticCurve(_, let x, let y):
          #""kty":"EC","crv":"P-256","x":"\#(Self.base64URL(x))","y":"\#(Self.base64URL(y))""#
        case .ed25519(let x):
          #""kty":"OKP","crv":"Ed25519","x":"\#(Self.base64URL(x))""#
        }
      return #"{\#(material),"use":"sig","alg":"\#(algorithm.rawValue)","kid":"\#(keyID)"}"#
    }
  }

  /// The JWK Set with this key alone.
  public var jwkSet: String { get throws { #"{"keys":[\#(try jwk)]}"# } }

  /// The JWK Set of several issuers' keys.
  public static func jwkSet(_ factories: [TokenFactory]) throws -> String {
    #"{"keys":[\#(try factories.map { try $0.jwk }.joined(separator: ","))]}"#
  }

  /// Claims as JSON.
  ///
  /// - Parameters:
  ///   - issuedAt: seconds; `exp` follows after `lifetime` seconds.
  ///   - extra: further members as JSON, such as `"roles":["admin"]`.
  public func claims(
    subject: String? = "alice", audience: String? = "my-app", issuedAt: Int64 = Int64(Date().timeIntervalSince1970),
    lifetime: Int64 = 300, extra: String = ""
  ) -> String {
    var members = [#""iss":"\#(issuer)""#, #""iat":\#(issuedAt),"exp":\#(issuedAt + lifetime)"#]
    if let subject { members.append(#""sub":"\#(subject)""#) }
    if let audience { members.append(#""aud":"\#(audience)""#) }
    if !extra.isEmpty { members.append(extra) }
    return "{\(members.joined(separator: ","))}"
  }

  /// The header that ``token(_:header:)`` writes by default.
  public var header: String { #"{"alg":"\#(algorithm.rawValue)","typ":"JWT","kid":"\#(keyID)"}"# }

  /// A signed token; header and claims are JSON (or whatever else), taken as they are.
  public func token(_ claims: String? = nil, header: String? = nil) throws -> String {
    let input =
      Self.base64URL([UInt8]((header ?? self.header).utf8)) + "."
      + Self.base64URL([UInt8]((claims ?? self.claims()).utf8))
    let signatureAlgorithm: SignatureAlgorithm =
      switch algorithm {
      case .rs256: .rs256
      case .ps256: .ps256
      case .es256: .es256
      case .edDSA: .edDSA
      }
    let signature = try privateKey.signature(over: [UInt8](input.utf8).span, algorithm: signatureAlgorithm)
    return input + "." + Self.base64URL(signature)
  }

  /// Base64url without padding.
  public static func base64URL(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
