internal import CLinux
internal import Glibc

/// An IPv4 or IPv6 address with a port, or the path of a Unix domain socket.
public struct SocketAddress: Equatable, Hashable, Sendable {
  public enum Family: UInt8, Sendable { case ipv4, ipv6, unix }

  /// Bytes of a path; unix(7).
  public static let pathLimitBytes = 107

  public let family: Family
  /// Network byte order; an IPv4 address is the last four of its mapped form ::ffff:a.b.c.d.
  public let high: UInt64
  public let low: UInt64
  public let port: UInt16
  /// Of link-local IPv6 addresses.
  public let scope: UInt32
  /// Of a Unix domain socket; empty for one without a name, as those of clients are, and for other families.
  public let path: String

  public init(family: Family, high: UInt64, low: UInt64, port: UInt16, scope: UInt32 = 0) {
    self.family = family
    self.high = high
    self.low = low
    self.port = port
    self.scope = scope
    path = ""
  }

  /// Nil for a path that is too long, or that holds a NUL.
  public init?(unix path: String) {
    guard path.utf8.count <= Self.pathLimitBytes, !path.utf8.contains(0) else { return nil }
    family = .unix
    (high, low, port, scope) = (0, 0, 0, 0)
    self.path = path
  }

  public init(ipv4: UInt32, port: UInt16) {
    self.init(family: .ipv4, high: 0, low: 0xFFFF_0000_0000 | UInt64(ipv4), port: port)
  }

  /// An address literal without brackets; nil if it is none. Names are for ``NameResolver``.
  public init?(literal: String, port: UInt16) {
    var v4 = in_addr()
    if unsafe inet_pton(AF_INET, literal, &v4) == 1 {
      self.init(ipv4: UInt32(bigEndian: v4.s_addr), port: port)
      return
    }
    var v6 = in6_addr()
    guard unsafe inet_pton(AF_INET6, literal, &v6) == 1 else { return nil }
    let halves = Self.halves(v6)
    self.init(family: .ipv6, high: halves.high, low: halves.low, port: port)
  }

  static func halves(_ address: in6_addr) -> (high: UInt64, low: UInt64) {
    unsafe withUnsafeBytes(of: address) { bytes in
      (UInt64(bigEndian: unsafe bytes.loadUnaligned(as: UInt64.self)),
       UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  init?(_ storage: sockaddr_storage) {
    switch CInt(storage.ss_family) {
    case AF_INET:
      let v4 = unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: sockaddr_in.self) }
      self.init(ipv4: UInt32(bigEndian: v4.sin_addr.s_addr), port: UInt16(bigEndian: v4.sin_port))
    case AF_INET6:
      let v6 = unsafe withUnsafeBytes(of: storage) { unsafe $0.loadUnaligned(as: sockaddr_in6.self) }
      let halves = Self.halves(v6.sin6_addr)
      self.init(family: .ipv6, high: halves.high, low: halves.low, port: UInt16(bigEndian: v6.sin6_port), scope: v6.sin6_scope_id)
    case AF_UNIX:
      let name = unsafe withUnsafeBytes(of: storage) { bytes in
        unsafe Array(bytes.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 })
      }
      self.init(unix: String(decoding: name, as: UTF8.self))
    default:
      return nil
    }
  }

  /// The kernel's form of the address, for one call.
  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    switch family {
    case .ipv4:
      var v4 = sockaddr_in()
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
      return unsafe withUnsafePointer(to: &v4) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
    case .ipv6:
      var v6 = sockaddr_in6()
      v6.sin6_family = sa_family_t(AF_INET6)
      v6.sin6_port = port.bigEndian
      v6.sin6_scope_id = scope
      unsafe withUnsafeMutableBytes(of: &v6.sin6_addr) { bytes in
        unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
        unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      return unsafe withUnsafePointer(to: &v6) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
      }
    case .unix:
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &name.sun_path) { bytes in unsafe bytes.copyBytes(from: path.utf8) }
      return unsafe withUnsafePointer(to: &name) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
      }
    }
  }

  /// The address without port and brackets, as logs want it; `unix` for a Unix domain socket. IPv4-mapped addresses read
  /// as IPv4.
  public var host: String {
    if family == .unix { return "unix" }
    if high == 0, low >> 32 == 0xFFFF {
      return "\((low >> 24) & 255).\((low >> 16) & 255).\((low >> 8) & 255).\(low & 255)"
    }
    var address = in6_addr()
    unsafe withUnsafeMutableBytes(of: &address) { bytes in
      unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
      unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard unsafe inet_ntop(AF_INET6, &address, &text, socklen_t(text.count)) != nil else { return "::" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Only this host reaches it.
  public var isLoopback: Bool {
    if family == .unix { return true }
    if high == 0, low >> 32 == 0xFFFF { return (low >> 24) & 255 == 127 }
    return high == 0 && low == 1
  }
}

extension SocketAddress: CustomStringConvertible {
  public var description: String {
    switch family {
    case .ipv4: "\(host):\(port)"
    case .ipv6: "[\(host)]:\(port)"
    case .unix: "unix:\(path)"
    }
  }
}
