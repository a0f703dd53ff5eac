// swift-tools-version: 6.2
// The package graph is the architecture: Sources/README.md draws it, Tests/HouseTests holds every import to it.
import PackageDescription

/// Settings of every target of ours: Swift 6 language mode comes with the tools version, strict memory safety is asked for.
let house: [SwiftSetting] = [.strictMemorySafety()]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(name)", swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: house)
}

func library(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
  name: "passkey-sidecar",
  products: [
    .executable(name: "passkey-sidecar", targets: ["passkey-sidecar"]),
    .executable(name: "passkey-sidecar-demo", targets: ["passkey-sidecar-demo"]),
  ],
  targets: [
    // C libraries, each imported by exactly one target.
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    library("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
    library("CNGHTTP2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev"),
    library("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    // Without pkg-config: its one flag is one that SwiftPM does not take, and says so at each build.
    .systemLibrary(name: "CHiredis", path: "Sources/CHiredis", providers: [.apt(["libhiredis-dev"])]),
    library("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),

    // Pure: no socket, no clock read, no global state.
    room("OpenSSL", ["COpenSSL"]),
    room("HTTP", ["CNGHTTP2"]),
    room("JOSE", ["OpenSSL"]),
    room("Gate", ["HTTP", "JOSE"]),

    // I/O.
    room("Telemetry", []),
    room("Transport", ["CLinux", "OpenSSL"]),
    room("HTTPServer", ["HTTP", "Transport", "Telemetry"]),
    room("HTTPClient", ["HTTP", "Transport", "Telemetry"]),
    room("StateStore", ["CSQLite", "CHiredis", "Transport"]),
    room("Keys", ["JOSE", "HTTP", "HTTPClient", "Transport", "Telemetry"]),

    // Rooms.
    room("Login", ["OpenSSL", "JOSE", "HTTP", "HTTPClient", "StateStore", "Transport", "Telemetry"]),
    room("Proxy", ["Gate", "Login", "OpenSSL", "JOSE", "HTTP", "HTTPServer", "HTTPClient", "Transport", "Telemetry"]),

    // Assembly.
    room("Settings", ["CYAML", "OpenSSL", "HTTP", "JOSE", "Gate", "Telemetry", "Transport", "HTTPServer", "HTTPClient", "StateStore", "Keys", "Login", "Proxy"]),
    room("Sidecar", ["Settings", "OpenSSL", "HTTP", "JOSE", "Gate", "Telemetry", "Transport", "HTTPServer", "HTTPClient", "StateStore", "Keys", "Login", "Proxy"]),
    .executableTarget(name: "passkey-sidecar", dependencies: ["Sidecar"], path: "Sources/passkey-sidecar", swiftSettings: house),
    .executableTarget(name: "passkey-sidecar-demo", dependencies: ["HTTPServer", "HTTP", "Transport", "OpenSSL"], path: "Sources/passkey-sidecar-demo", swiftSettings: house),

    // Tests.
    .target(name: "TestPeers", dependencies: ["OpenSSL", "HTTP", "JOSE"], path: "Tests/TestPeers", swiftSettings: house),
    tests("OpenSSLTests", ["OpenSSL", "TestPeers"]),
    tests("HTTPTests", ["HTTP", "TestPeers"]),
    tests("JOSETests", ["JOSE", "OpenSSL", "TestPeers"]),
    tests("GateTests", ["Gate", "HTTP", "JOSE", "OpenSSL", "TestPeers"]),
    tests("TelemetryTests", ["Telemetry"]),
    tests("TransportTests", ["Transport", "OpenSSL", "TestPeers"]),
    tests("HTTPServerTests", ["HTTPServer", "HTTP", "Transport", "TestPeers"]),
    tests("HTTPClientTests", ["HTTPClient", "HTTP", "Transport", "TestPeers"]),
    tests("StateStoreTests", ["StateStore", "Transport", "TestPeers"]),
    tests("KeysTests", ["Keys", "JOSE", "OpenSSL", "HTTP", "HTTPClient", "Transport", "Telemetry", "TestPeers"]),
    tests("LoginTests", ["Login", "StateStore", "JOSE", "OpenSSL", "HTTPClient", "Transport", "Telemetry", "TestPeers"]),
    tests("ProxyTests", ["Proxy", "Gate", "HTTP", "Login", "TestPeers"]),
    tests("SettingsTests", ["Settings", "JOSE", "Gate", "Login", "Proxy", "HTTPServer", "HTTPClient", "Keys", "StateStore", "Telemetry", "TestPeers"]),
    tests("SidecarTests", ["Sidecar", "Settings", "TestPeers"]),
    tests("EndToEndTests", ["TestPeers", "passkey-sidecar", "passkey-sidecar-demo", "OpenSSL", "JOSE", "Telemetry"]),
    tests("HouseTests", ["Proxy", "Telemetry"]),
  ]
)
