internal import Keys

extension SidecarSettings {
  /// Where keys come from, in the order of the policy's issuers: ourselves last, if we are one, our keys handed in by
  /// Login.
  func keysConfiguration(_ reading: Reading) -> Keys.Configuration? {
    var sources: [Keys.Configuration.Issuer] = []
    for (index, issuer) in issuers.enumerated() {
      do throws(Keys.Configuration.Refusal) {
        sources.append(
          try Keys.Configuration.Issuer(
            issuer: issuer.issuer, source: .url(issuer.keys.url), refresh: issuer.keys.refresh,
            authority: issuer.keys.certificateAuthority, allowsCleartext: issuer.keys.allowsCleartext))
      } catch {
        refuse(error, "issuers[\(index)].keys", reading)
      }
    }
    let isIssuer = login.mintsOwnTokens
    do throws(Keys.Configuration.Refusal) {
      if isIssuer { sources.append(try Keys.Configuration.Issuer(issuer: login.token.issuer, source: .fixed([]))) }
    } catch {
      refuse(error, "login.token", reading)
    }
    return sources.count == issuers.count + (isIssuer ? 1 : 0) ? Keys.Configuration(issuers: sources) : nil
  }

  private func refuse(_ refusal: Keys.Configuration.Refusal, _ section: String, _ reading: Reading) {
    switch refusal {
    case .cleartext: reading.refuse(section + ".url", cleartextRefused)
    case .issuerNotDiscoverable:
      reading.refuse(section + ".discovery", "needs an issuer that is a URL without query and fragment")
    case .refreshTooShort: reading.refuse(section + ".refresh", "is too short")
    case .keepNegative: reading.refuse(section + ".keepWhenUnreachable", "is negative")
    }
  }
}
