import Gate
import HTTP
import HTTPClient
import JOSE
import Keys
import Login
import OpenSSL
import Settings
import Synchronization
import Telemetry
import Transport

extension Command {
  /// What the Gate decides about one request, and why, by the Gate's own code. Nothing is sent anywhere, unless the keys
  /// are to be fetched. A token is never an argument: those can be read by everybody on the host.
  ///
  /// Exit code 0 when it could be explained, whatever was decided; 64 when the request or a file is none; 78 when the
  /// configuration was refused.
  static let explain = Command(
    "explain", "--config FILE [--token-file FILE|-] [--keys FILE] [--live] 'GET /path'",
    "what would be decided about a request, and why", switches: ["--live"]
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    let tokenFile = arguments.optional("--token-file")
    let keysFile = arguments.optional("--keys")
    let isLive = arguments.has("--live")
    let request = try arguments.nextWord("a request, as in 'GET /path'")
    try arguments.nothingFollows()
    guard let loaded = output.load(path) else { return 78 }
    do throws(Unexplained) {
      let token = try tokenFile.map { path throws(Unexplained) in try readToken(path) }
      let given = try keysFile.map { path throws(Unexplained) in try readKeys(path) } ?? []
      let fetched = isLive ? try fetchedKeys(loaded) : .empty
      output.put(try explanation(of: request, token: token, keys: snapshot(loaded, given, fetched), loaded))
      return 0
    } catch {
      output.complain("passkey-sidecar: \(error.text)\n")
      return 64
    }
  }
}

private func explanation(
  of request: String, token: [UInt8]?, keys: KeySnapshot, _ loaded: LoadedSettings
) throws(Unexplained) -> String {
  guard let head = RequestHead(request, token: token) else {
    throw Unexplained("\(request): a request is a method and a path, as in 'GET /path'")
  }
  var gate = Gate(seed: 0)
  // Of nobody: the real one is not for a terminal, and is not needed to know that there would be an assertion.
  gate.assertionKey = try? SigningKey(PrivateKey.generate(.p256), algorithm: .es256)
  let facts = loaded.policy.facts(peer: PeerAddress(ipv4: 0x7F00_0001), listener: 0, isTLS: false)
  let now = UnixTime(microseconds: Clock.unixNanoseconds() / 1000)
  let explanation = gate.explain(
    head, facts: facts, policy: loaded.policy, keys: keys, revocations: .none, now: now)
  let text = ExplanationText(
    question: request, explanation: explanation, inspection: token.map { loaded.policy.inspect($0, keys: keys) },
    settings: loaded.settings, now: now)
  return text.whole(head, facts)
}

/// Why there is nothing to explain.
private struct Unexplained: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// Without white space around it.
private func readToken(_ path: String) throws(Unexplained) -> [UInt8] {
  do throws(Errno) {
    let content = try path == "-" ? FileContent.readStandardInput(limitBytes: 1 << 20)
      : FileContent.readWaiting(path, limitBytes: 1 << 20)
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    var token = Array(content.drop(while: isSpace))
    while let last = token.last, isSpace(last) { token.removeLast() }
    return token
  } catch {
    throw Unexplained("the token: \(path == "-" ? "standard input" : path): \(error)")
  }
}

/// Of each issuer the keys on this host; where there are none, those of the file that was named, or those fetched.
private func snapshot(
  _ loaded: LoadedSettings, _ given: [VerificationKey], _ fetched: KeySnapshot
) -> KeySnapshot {
  var own: [VerificationKey] = []
  if case .provided(let key) = loaded.login.token.key,
    let signing = try? SigningKey(key, algorithm: loaded.login.token.algorithm), let key = signing.verificationKey
  {
    own = [key]
  }
  return KeySnapshot(
    loaded.keys.issuers.map { issuer in
      var keys = ((try? issuer.localKeys()) ?? nil) ?? []
      if keys.isEmpty, issuer.issuer == loaded.settings.login.ownIssuer { keys = own }
      if keys.isEmpty { keys = given }
      return KeySnapshot.IssuerKeys(
        issuer: issuer.issuer,
        availability: keys.isEmpty ? fetched.availability(of: issuer.issuer) : .usable(keys, until: nil))
    })
}

private func readKeys(_ path: String) throws(Unexplained) -> [VerificationKey] {
  let content: [UInt8]
  do throws(Errno) { content = try FileContent.readWaiting(path, limitBytes: KeyFile.limitBytes) } catch {
    throw Unexplained("\(path): \(error)")
  }
  do throws(KeyFetchFailure) { return try KeyFile.keys(content).keys } catch {
    throw Unexplained("\(path): neither a JWK Set with a usable key nor a public key in PEM")
  }
}

/// One fetch from every issuer, as `run` begins. What cannot be fetched stays pending.
private func fetchedKeys(_ loaded: LoadedSettings) throws(Unexplained) -> KeySnapshot {
  let newest = NewestSnapshot()
  do throws(Errno) {
    let executor = try LoopExecutor()
    let outbound = try OutboundClient(on: executor, resolver: try NameResolver())
    outbound.start()
    let service = try KeyService(
      loaded.keys, executor: executor, outbound: outbound.outbound, log: .discarding, publish: { newest.put($0) })
    let issuers = loaded.keys.issuers.map(\.issuer)
    Task(executorPreference: executor) {
      await service.start()
      for issuer in issuers { await service.needKeys(issuer: issuer, keyID: nil) }
      await service.stop()
      executor.stop()
    }
    executor.run()
  } catch {
    throw Unexplained("the keys cannot be fetched: \(error)")
  }
  return newest.value
}

private final class NewestSnapshot: Sendable {
  private let snapshot = Mutex(KeySnapshot.empty)
  func put(_ value: KeySnapshot) { snapshot.withLock { $0 = value } }
  var value: KeySnapshot { snapshot.withLock { $0 } }
}

extension RequestHead {
  /// A request as a client of HTTP/1.1 would send it to `localhost`; nil for a text that is none.
  fileprivate init?(_ text: String, token: [UInt8]?) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false).map { Array($0.utf8) }
    guard words.count == 2 else { return nil }
    let (name, target) = (words[0], words[1])
    guard FieldSyntax.isToken(name.span), target.first == UInt8(ascii: "/") || target == [UInt8(ascii: "*")] else {
      return nil
    }
    self.init()
    methodName = fields.store(String(decoding: name, as: UTF8.self))
    method = Method(name.span)
    authority = fields.store("localhost")
    let start = fields.bytes.count
    _ = fields.store(String(decoding: target, as: UTF8.self))
    let mark = target.firstIndex(of: UInt8(ascii: "?"))
    path = Slice(start: start, count: mark ?? target.count)
    if let mark {
      query = Slice(start: start + mark + 1, count: target.count - mark - 1)
      hasQuery = true
    }
    // What our own endpoints take.
    if method != .get, method != .head { fields.append("content-type", "application/json") }
    if let token {
      let (name, value) = (Array("authorization".utf8), Array("Bearer ".utf8) + token)
      fields.append(name: name.span, value: value.span)
    }
  }
}
