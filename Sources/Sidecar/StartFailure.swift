/// Why the process ended before it served.
enum StartFailure: Error {
  case configuration(String)
  case listener(String)
  case state(String)
  case system(String)

  /// sysexits(3): 78 configuration, 69 unavailable, 70 software.
  var exitCode: Int32 {
    switch self {
    case .configuration: 78
    case .listener, .state: 69
    case .system: 70
    }
  }

  var text: String {
    switch self {
    case .configuration(let text), .listener(let text), .state(let text), .system(let text): text
    }
  }
}
