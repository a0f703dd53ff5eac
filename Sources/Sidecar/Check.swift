public import Settings

/// The command `check`: what `run` would make of a configuration.
public func check(_ configuration: String) -> CheckReport { SidecarSettings.check(configuration) }
