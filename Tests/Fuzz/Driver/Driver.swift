internal import Glibc
public import CFuzzer

/// What libFuzzer calls with every input.
public typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// Hands the process over to libFuzzer, with its own command line. A broken property is a trap.
public func fuzz(_ callback: Callback) -> Never {
  var count = CommandLine.argc
  var arguments = unsafe CommandLine.unsafeArgv
  let code = unsafe withUnsafeMutablePointer(to: &arguments) { pointer in
    unsafe pointer.withMemoryRebound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1) {
      unsafe LLVMFuzzerRunDriver(&count, $0, callback)
    }
  }
  exit(code)
}

/// A copy of an input.
public func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
  guard let start = unsafe start else { return [] }
  return unsafe Array(UnsafeBufferPointer(start: start, count: count))
}
