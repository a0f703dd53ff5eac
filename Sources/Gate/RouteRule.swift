/// One rule of `routes`, as configured. The first rule that matches decides; where none does, a token is required.
public struct RouteRule: Sendable {
  public enum Access: UInt8, Comparable, Sendable {
    /// The credential is not looked at.
    case `public`
    /// Without a token the request is anonymous.
    case optional
    case required

    public static func < (left: Access, right: Access) -> Bool { left.rawValue < right.rawValue }
  }

  public enum BadToken: Sendable { case refuse, anonymous }

  /// `/a/b`, `*` for one segment, `/**` at the end for the rest.
  public var path: String
  /// Names of methods; empty: all. A restricting rule for GET covers HEAD as well. An extended CONNECT counts as GET,
  /// which it is over HTTP/1.1.
  public var methods: [String]
  public var access: Access
  /// A final `.ext` of the request's path is not ignored.
  public var isExact: Bool
  /// All must hold; only where access is required, like the next three.
  public var claims: [ClaimRule]
  /// Issuers whose tokens are accepted here; empty: all.
  public var issuers: [String]
  /// One of these must be in `aud`; empty: whatever the issuer's rule accepts.
  public var audiences: [String]
  /// Age of the last passkey authentication (RFC 9470).
  public var passkeyWithin: Duration?
  /// Of optional routes.
  public var badToken: BadToken
  /// CORS preflights pass without identity.
  public var forwardsPreflight: Bool
  /// Path of this origin to which navigations without a valid token are redirected.
  public var loginPage: String?
  /// From the request's end to the app's response head; nil: as everywhere.
  public var responseHead: Duration?
  /// What lasts longer than its token, a stream or a WebSocket, ends with it.
  public var endsWithToken: Bool

  public init(
    path: String, methods: [String] = [], access: Access = .required, isExact: Bool = false, claims: [ClaimRule] = [],
    issuers: [String] = [], audiences: [String] = [], passkeyWithin: Duration? = nil, badToken: BadToken = .refuse,
    forwardsPreflight: Bool = false, loginPage: String? = nil, responseHead: Duration? = nil, endsWithToken: Bool = false
  ) {
    self.path = path
    self.methods = methods
    self.access = access
    self.isExact = isExact
    self.claims = claims
    self.issuers = issuers
    self.audiences = audiences
    self.passkeyWithin = passkeyWithin
    self.badToken = badToken
    self.forwardsPreflight = forwardsPreflight
    self.loginPage = loginPage
    self.responseHead = responseHead
    self.endsWithToken = endsWithToken
  }
}

/// A condition on one claim. A claim that is no list counts as a list of one; `scope` and `scp` are lists separated by
/// spaces (RFC 8693 §4.2).
public struct ClaimRule: Hashable, Sendable {
  public enum Condition: Hashable, Sendable {
    case anyOf([Value])
    case allOf([Value])
    /// The claim is this value, not a list that holds it.
    case equals(Value)
  }

  public enum Value: Hashable, Sendable {
    case text(String)
    case integer(Int64)
    case boolean(Bool)
  }

  /// A name, or names of nested members joined by dots.
  public var claim: String
  public var condition: Condition

  public init(claim: String, condition: Condition) {
    self.claim = claim
    self.condition = condition
  }
}
