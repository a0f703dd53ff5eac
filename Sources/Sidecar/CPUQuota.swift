import Transport

/// How much of the machine is ours.
enum CPUQuota {
  /// The cgroup's quota rounded up, else the cores, at most 4.
  static var workerCount: Int {
    quota(in: (try? FileContent.read("/sys/fs/cgroup/cpu.max", limitBytes: 256)) ?? []) ?? min(processorCount(), 4)
  }

  /// `cpu.max` of cgroup v2: quota and period in microseconds, or `max`.
  static func quota(in content: [UInt8]) -> Int? {
    let words = String(decoding: content, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0, period > 0 else { return nil }
    return max(1, (quota + period - 1) / period)
  }
}
