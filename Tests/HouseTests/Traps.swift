/// The files that may end the process, each with the reason why no peer, token or configuration can bring it about.
enum Traps {
  static let list = [
    "HTTP/H2/H2Library.swift": "no memory",
    "OpenSSL/HashFunction.swift": "no memory, or an OpenSSL without SHA-2",
    "OpenSSL/MessageAuthenticationKey.swift": "no memory",
    "Telemetry/JSONText.swift": "the caller reserves the worst case",
    "Transport/EventLoop.swift": "an index beyond what the loop itself reported",
    "Transport/LoopExecutor.swift": "a function of the control loop called on another thread",
    "Transport/Slab.swift": "a handle that its holder did not ask `contains` about; going on would serve the wrong user",
    "passkey-sidecar-demo/Vocabulary/Digest.swift": "no random bytes",
  ]
}
