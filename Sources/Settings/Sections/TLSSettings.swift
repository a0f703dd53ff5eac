public import Transport

/// `listen[].tls`
public struct ListenerTLSSettings: Equatable, Sendable {
  public let files: ServerTLSFiles
  /// Of what stood in the files; nil was refused.
  public let tls: ServerTLS?

  init(_ keys: Section) {
    let main = CertificateFiles(keys)
    let additional = keys.sections("additional", isRequired: false, CertificateFiles.init)
    let authority = keys.value("clientCertificateAuthority", Kind<String>.pemFile.orNull, default: "null")
    files = ServerTLSFiles(pairs: [main] + additional, clientAuthorities: authority)
    do throws(TLSSettingsError) {
      let made = try files.read()
      tls = made
      for (number, validity) in made.validities.enumerated() {
        warnOfEnd(validity, number == 0 ? "certificate" : "additional[\(number - 1)].certificate", keys)
      }
    } catch {
      tls = nil
      keys.refuse(Self.key(error.part), error.description)
    }
  }

  private static func key(_ part: TLSSettingsError.Part) -> String {
    switch part {
    case .certificate(0): "certificate"
    case .privateKey(0): "privateKey"
    case .certificate(let number): "additional[\(number - 1)].certificate"
    case .privateKey(let number): "additional[\(number - 1)].privateKey"
    case .authorities: "clientCertificateAuthority"
    }
  }
}

extension CertificateFiles {
  init(_ keys: Section) {
    self.init(certificate: keys.value("certificate", .pemFile), privateKey: keys.value("privateKey", .pemFile))
  }
}

/// The certificate is replaced while the process runs, so its age refuses nothing.
func warnOfEnd(_ validity: ClosedRange<Int64>, _ key: String, _ keys: Section) {
  let now = Clock.unixNanoseconds() / 1_000_000_000
  if now > validity.upperBound {
    keys.warn(key, "has expired: clients will refuse it")
  } else if now < validity.lowerBound {
    keys.warn(key, "is not valid yet: clients will refuse it")
  }
}

extension Kind where Value == String {
  /// A path, relative to the folder of the configuration file, of a PEM file that can be read.
  static var pemFile: Kind {
    let form = "the path of a PEM file"
    return Kind(form, placeholder: "") { place in
      guard let text = place.text(form) else { return nil }
      let path = place.reading.sources.resolved(text)
      place.reading.watch(path)
      do throws(Errno) {
        _ = try place.reading.sources.read(path, limitBytes: 4 << 20)
        return path
      } catch {
        return place.refuse("\(quoted(text)) cannot be read: \(error)")
      }
    }
  }
}
