// swift-tools-version: 6.2
// Fuzz targets, in a package of their own so that sanitizer flags stay out of the product. Its rooms are compiled here once
// more, through the link `Product`, because only what is compiled with the flag tells libFuzzer where it has been.
import PackageDescription

let house: [SwiftSetting] = [.strictMemorySafety()]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: "Product/\(name)", swiftSettings: house)
}

func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  // The main function is libFuzzer's.
  .executableTarget(
    name: name, dependencies: ["Driver"] + dependencies, path: name,
    swiftSettings: house + [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "passkey-sidecar-fuzz",
  targets: [
    .systemLibrary(name: "COpenSSL", path: "Product/COpenSSL", pkgConfig: "openssl"),
    .systemLibrary(name: "CNGHTTP2", path: "Product/CNGHTTP2", pkgConfig: "libnghttp2"),
    room("OpenSSL", ["COpenSSL"]),
    room("HTTP", ["CNGHTTP2"]),
    room("JOSE", ["OpenSSL"]),
    room("Gate", ["HTTP", "JOSE"]),
    .target(name: "Driver", path: "Driver", swiftSettings: house),
    fuzzer("FuzzGate", ["Gate", "HTTP", "JOSE"]),
    fuzzer("FuzzToken", ["JOSE"]),
    fuzzer("FuzzJSON", ["JOSE"]),
    fuzzer("FuzzKeys", ["JOSE"]),
    .executableTarget(
      name: "Timings", dependencies: ["Gate", "HTTP", "JOSE", "OpenSSL"], path: "Timings", swiftSettings: house),
  ]
)
