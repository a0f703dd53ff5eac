import Settings
import Telemetry
import Transport

/// A listener that a thread can be handed.
final class OpenListener: Sendable {
  let listener: Listener
  /// A service manager opened it and keeps it: every worker accepts from it, and it goes on to listen when we end.
  let isInherited: Bool

  init(_ listener: consuming Listener, isInherited: Bool = false) {
    self.listener = listener
    self.isInherited = isInherited
  }

  /// Those of each worker. A socket that was handed to us is used for the listener of its address.
  static func openAll(
    _ settings: SidecarSettings, workerCount: Int, _ log: EventLog
  ) throws(StartFailure) -> [[OpenListener]] {
    var opened: [[OpenListener]] = Array(repeating: [], count: workerCount)
    var inherited: [OpenListener] = []
    for descriptor in InheritedListeners.take() {
      do throws(Errno) {
        inherited.append(OpenListener(try Listener(adopting: descriptor), isInherited: true))
      } catch {
        throw .listener("descriptor \(descriptor): \(error)")
      }
    }
    for open in inherited where !settings.listeners.contains(where: { $0.address == open.listener.address }) {
      log.warn("inherited_listener_unused", ["address": .text(open.listener.address.description)])
    }
    for listener in settings.listeners {
      if let open = inherited.first(where: { $0.listener.address == listener.address }) {
        for worker in 0..<workerCount { opened[worker].append(open) }
        continue
      }
      // With port 0 the first socket chooses, the others share its port.
      var address = listener.address
      var only: OpenListener?
      for worker in 0..<workerCount {
        do throws(Errno) {
          let socket: OpenListener
          if let only { socket = only } else { socket = OpenListener(try Listener(address, shared: true)) }
          address = socket.listener.address
          opened[worker].append(socket)
          // A path can lead to one socket only.
          if address.family == .unix { only = socket }
        } catch {
          throw .listener("listen: \(address): \(error)")
        }
      }
    }
    return opened
  }
}
