public import JOSE
public import Login

/// `connect`: what Corbado is told about a user who adds a passkey.
public struct ConnectSettings: Equatable, Sendable {
  /// `opaque`: a random ID that is kept in the link.
  public let identifier: ClaimPath
  /// Missing in the token: the identifier.
  public let displayName: ClaimPath

  init(_ keys: Section) {
    identifier = keys.value("identifier", .claimPath, default: "email")
    displayName = keys.value("displayName", .claimPath, default: "name")
  }
}

/// `login`: from a completed passkey login to an identity and a token.
public struct LoginSettings: Equatable, Sendable {
  public let identity: Identity
  public let token: Token
  /// The cookie that completeLogin sets to the token.
  public let cookie: Login.Configuration.Cookie?
  /// completeLogin answers with the token.
  public let hasTokenInBody: Bool
  /// Of refresh tokens, from the login; nil: there are none.
  public let refreshLifetime: Duration?

  init(_ keys: Section) {
    identity = keys.section("identity", Identity.init)
    token = keys.section("token", Token.init)
    cookie = keys.value("cookie", Kind.loginCookie.orNull, default: "null")
    hasTokenInBody = keys.value("tokenInBody", .flag, default: "true")
    refreshLifetime = keys.value("refresh", Kind.refresh.orNull, default: "null")
    if let cookie, cookie.sameSite == .none {
      keys.warn("cookie", "SameSite=None: pages of every site make browsers send it")
    }
    if cookie != nil, hasTokenInBody {
      keys.warn("tokenInBody", "true: scripts of the page can read the token although the cookie hides it from them")
    }
  }

  /// Whether logins end in tokens of our own, which only then are accepted; else in those of a configured issuer.
  public var mintsOwnTokens: Bool { token.form == nil && identity.mode != .exchange }
  public var ownIssuer: String? { mintsOwnTokens ? token.issuer : nil }
}

extension Kind where Value == Login.Configuration.Cookie {
  /// `{name: __Host-session, sameSite: Lax}`; it is always Secure and HttpOnly, for all paths, as long as the token.
  static var loginCookie: Kind {
    let form = "{name: NAME, sameSite: Strict | Lax | None}"
    return Kind(form, placeholder: Login.Configuration.Cookie(name: "invalid")) { place in
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      var cookie = Login.Configuration.Cookie(name: "")
      for entry in entries {
        let member = place.member(entry)
        place.reading.locate(member.path, entry.keyPosition)
        switch entry.key {
        case "name":
          guard let name = member.text("the name of a cookie") else { return nil }
          cookie.name = name
        case "sameSite":
          guard let sameSite = Kind<Login.Configuration.Cookie.SameSite>.choice().read(member) else { return nil }
          cookie.sameSite = sameSite
        default: return place.refuse("expected \(form), found \(quoted(entry.key))")
        }
      }
      return cookie.name.isEmpty ? place.refuse("expected \(form)") : cookie
    }
  }
}

extension Kind where Value == Duration {
  /// `{lifetime: 30d}`
  static var refresh: Kind {
    Kind("{lifetime: 30d}", placeholder: .seconds(1)) { place in
      Section.read(place) { keys in
        keys.value("lifetime", .duration(.seconds(60)...(.seconds(365 * 86_400))), default: "30d")
      }
    }
  }
}
