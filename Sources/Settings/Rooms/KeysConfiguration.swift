internal import JOSE
internal import Keys
internal import OpenSSL

extension SidecarSettings {
  /// Where keys come from, in the order of the policy's issuers: ourselves last, if we are one, our keys handed in by
  /// Login.
  func keysConfiguration(_ reading: Reading) -> Keys.Configuration? {
    var sources: [Keys.Configuration.Issuer] = []
    for (index, issuer) in issuers.enumerated() {
      guard let source = source(of: issuer, at: index, reading) else { continue }
      do throws(Keys.Configuration.Refusal) {
        sources.append(
          try Keys.Configuration.Issuer(
            issuer: issuer.issuer, source: source, refresh: issuer.keys.refresh,
            keepWhenUnreachable: issuer.keys.keepWhenUnreachable, authority: issuer.keys.certificateAuthority,
            allowsCleartext: issuer.keys.allowsCleartext))
      } catch {
        refuse(error, "issuers[\(index)]", issuer, reading)
      }
    }
    let isIssuer = login.mintsOwnTokens
    do throws(Keys.Configuration.Refusal) {
      if isIssuer { sources.append(try Keys.Configuration.Issuer(issuer: login.token.issuer, source: .fixed([]))) }
    } catch {
      reading.refuse("login.token", "is no issuer")
    }
    return sources.count == issuers.count + (isIssuer ? 1 : 0) ? Keys.Configuration(issuers: sources) : nil
  }

  private func source(
    of issuer: IssuerSettings, at index: Int, _ reading: Reading
  ) -> Keys.Configuration.Source? {
    switch issuer.keys.source {
    case .url(let url): return .url(url)
    case .discovery: return .discovery
    case .file(let path): return .file(path)
    case .secret(let secret):
      let allowsShort = issuer.keys.allowsShortSecret
      if let file = secret.file { return .secretFile(file, allowsShort: allowsShort) }
      let bytes = secret.secret.bytes
      do throws(KeyFailure) {
        return .fixed([try VerificationKey(secret: bytes.span, allowsShort: allowsShort)])
      } catch {
        reading.refuse("issuers[\(index)].keys.secret", shortSecret(.sha256))
        return nil
      }
    }
  }

  private func refuse(
    _ refusal: Keys.Configuration.Refusal, _ section: String, _ issuer: IssuerSettings, _ reading: Reading
  ) {
    switch refusal {
    case .cleartext:
      reading.refuse(issuer.keys.source == .discovery ? section + ".issuer" : section + ".keys.url", cleartextRefused)
    case .issuerNotDiscoverable:
      reading.refuse(section + ".keys.discovery", "needs an issuer that is a URL without query and fragment")
    case .refreshTooShort: reading.refuse(section + ".keys.refresh", "is too short")
    case .keepNegative: reading.refuse(section + ".keys.keepWhenUnreachable", "is negative")
    }
  }
}

/// RFC 7518 §3.2.
func shortSecret(_ hash: HashFunction) -> String {
  "is shorter than \(hash.digestBytes) bytes, which the algorithm asks for; "
    + "allowShortSecret: true beside it takes it as it is"
}
