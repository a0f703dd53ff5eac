/// The files in which a pointer, or anything else that the compiler cannot check, may be touched. The list only shrinks, or
/// somebody can say why not.
enum UnsafeFiles {
  static let list: [String: [String]] = [
    "owners of OpenSSL's objects": [
      "OpenSSL/ErrorQueue.swift", "OpenSSL/HashFunction.swift", "OpenSSL/Keys/KeyMaterial.swift",
      "OpenSSL/Keys/OperationContexts.swift", "OpenSSL/Keys/PEM.swift", "OpenSSL/Keys/PrivateKey.swift",
      "OpenSSL/Keys/PublicKey.swift", "OpenSSL/MessageAuthenticationKey.swift", "OpenSSL/Random.swift",
      "OpenSSL/TLS/TLSContext.swift", "OpenSSL/TLS/TLSFailure.swift", "OpenSSL/TLS/TLSSession.swift",
      "OpenSSL/TLS/TLSTransport.swift",
    ],
    "owners of nghttp2's objects": [
      "HTTP/H2/H2Library.swift", "HTTP/H2/H2Memory.swift", "HTTP/H2/H2PendingHeads.swift", "HTTP/H2/H2Session.swift",
      "HTTP/H2/H2SessionState.swift",
    ],
    "owners of SQLite's and libyaml's objects": [
      "Settings/YAML/YAMLEvents.swift", "StateStore/SQLite/SQLiteDatabase.swift", "StateStore/SQLite/SQLiteFile.swift",
    ],
    "owner of hiredis' objects": ["StateStore/Redis/RedisCodec.swift"],
    "system calls": [
      "Settings/SettingsSources.swift", "Telemetry/LineWriter.swift", "Telemetry/Timestamp.swift",
      "Transport/Clock.swift", "Transport/Errno.swift", "Transport/EventLoop.swift", "Transport/FileContent.swift",
      "Transport/FileDescriptor.swift", "Transport/FileWatcher.swift",
      "Transport/InheritedListeners.swift", "Transport/Mailbox.swift", "Transport/NameResolver.swift",
      "Transport/ProcessFacts.swift",
      "Transport/SignalWaiter.swift", "Transport/SocketAddress.swift", "Transport/SocketFile.swift",
      "Transport/Sockets.swift", "Transport/Thread.swift",
      "passkey-sidecar-demo/Console.swift", "passkey-sidecar/Main.swift",
    ],
    "the slab, and bytes copied in one piece": [
      "HTTP/H1/Serializer.swift", "HTTP/Message/ByteScan.swift", "HTTP/Message/FieldSection.swift",
      "HTTP/Message/FieldSyntax.swift", "HTTP/Message/KnownField.swift", "HTTPServer/HTTPServer.swift", "JOSE/Bytes.swift",
      "Telemetry/JSONText.swift", "Transport/ByteQueue.swift", "Transport/Slab.swift",
    ],
    "actors that name the control loop as their executor": [
      "HTTPClient/Outbound/OutboundClient.swift", "HTTPServer/BufferedServer.swift", "Keys/KeyService.swift",
      "Login/LoginEndpoints.swift", "Login/Sessions/RevocationFeed.swift",
      "StateStore/Redis/RedisConnection.swift", "Transport/LoopExecutor.swift",
    ],
  ]
}
