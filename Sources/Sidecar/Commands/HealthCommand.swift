import HTTPClient
import Settings
import Synchronization
import Transport

extension Command {
  static let health = Command(
    "health", "--config FILE [--ready]", "ask the running process whether it lives (or is ready); for containers without a shell",
    switches: ["--ready"]
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    let target = arguments.has("--ready") ? "/ready" : "/live"
    try arguments.nothingFollows()
    do throws(SettingsRefused) {
      let probes = try SidecarSettings.load(path).settings.probes.address
      return Health(probes: probes, target: target).ask(output)
    } catch {
      for problem in error.problems { output.complain("\(problem)\n") }
      return 78
    }
  }
}

/// One question to the probes listener of a process on this host.
private struct Health {
  static let timeout = Duration.seconds(2)
  static let answerLimitBytes = 64 * 1024

  let probes: SocketAddress
  let target: String

  /// 0: 200; 1: anything else.
  func ask(_ output: CommandOutput) -> Int32 {
    let answer = Mutex<Result<OutboundResponse, OutboundFailure>?>(nil)
    do throws(Errno) {
      let executor = try LoopExecutor()
      let client = try OutboundClient(on: executor, resolver: try NameResolver())
      client.start()
      let request = OutboundRequest(
        .get, OutboundURL(isSecure: false, host: loopback, port: probes.port, target: target), timeout: Self.timeout,
        responseLimitBytes: Self.answerLimitBytes)
      let outbound = client.outbound
      Task(executorPreference: executor) {
        do throws(OutboundFailure) {
          let response = try await outbound.send(request)
          answer.withLock { $0 = .success(response) }
        } catch {
          answer.withLock { $0 = .failure(error) }
        }
        executor.stop()
      }
      executor.run()
    } catch {
      output.complain("passkey-sidecar: \(error)\n")
      return 70
    }
    switch answer.withLock({ $0 }) {
    case .success(let response)?:
      output.put(String(decoding: response.content, as: UTF8.self))
      return response.status == 200 ? 0 : 1
    case .failure(let failure)?: output.complain("passkey-sidecar: \(probes): \(failure.kind.rawValue) \(failure.detail)\n")
    case nil: output.complain("passkey-sidecar: \(probes): no answer\n")
    }
    return 1
  }

  /// A listener on all addresses is asked on this host's own.
  private var loopback: String {
    let text = probes.description
    if text.hasPrefix("0.0.0.0:") { return "127.0.0.1" }
    if text.hasPrefix("[::]:") { return "::1" }
    var host = text[..<(text.lastIndex(of: ":") ?? text.endIndex)]
    if host.hasPrefix("[") { host = host.dropFirst().dropLast() }
    return String(host)
  }
}
