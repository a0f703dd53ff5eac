internal import JOSE
internal import Keys
internal import Transport

/// What shows only when an issuer's algorithms and keys are seen together.
extension SidecarSettings {
  func checkIssuers(_ reading: Reading) {
    for (index, issuer) in issuers.enumerated() {
      let key = "issuers[\(index)]"
      let secrets = issuer.algorithms.filter { $0.messageAuthentication != nil }
      switch issuer.keys.source {
      case .secret(let secret):
        if let other = issuer.algorithms.first(where: { $0.messageAuthentication == nil }) {
          reading.refuse(key + ".algorithms", "\(other.name) needs a public key, and keys.secret is none: HS256 HS384 HS512")
        }
        let needed = secrets.compactMap(\.messageAuthentication).max { $0.digestBytes < $1.digestBytes }
        if let needed, secret.secret.bytes.count < needed.digestBytes, !issuer.keys.allowsShortSecret {
          reading.refuse(key + ".keys.secret", shortSecret(needed))
        }
      case .url, .discovery, .file:
        // A public key taken for a secret is the oldest attack there is.
        if let secret = secrets.first { reading.refuse(key + ".algorithms", "\(secret.name) needs keys.secret") }
      }
      if case .file(let path) = issuer.keys.source { check(path, of: issuer, key, reading) }
    }
  }

  /// The file is read again when it changes; that it was good once is asked for here.
  private func check(_ path: String, of issuer: IssuerSettings, _ key: String, _ reading: Reading) {
    let content: [UInt8]
    do throws(Errno) { content = try reading.sources.read(path, limitBytes: KeyFile.limitBytes) } catch {
      return reading.refuse(key + ".keys.file", "\(quoted(path)) cannot be read: \(error)")
    }
    do throws(KeyFetchFailure) {
      let keys = try KeyFile.keys(content).keys
      for algorithm in issuer.algorithms where !keys.contains(where: { $0.algorithms.contains(algorithm) }) {
        reading.refuse(key + ".algorithms", "no key of \(quoted(path)) is one for \(algorithm.name)")
      }
    } catch {
      reading.refuse(
        key + ".keys.file", "\(quoted(path)) holds neither a JWK Set with a usable public key nor a public key in PEM")
    }
  }
}
