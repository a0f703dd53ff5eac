enum DemoPage {
  static func html(settings: JSON) -> String { "" }
  static let style = ""
  static let script = ""
}
