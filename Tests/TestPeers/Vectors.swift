import Foundation

/// Published test vectors in `Tests/Vectors`, read by name.
public enum Vectors {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Vectors")

  /// The bytes of a file.
  public static func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

  /// A file decoded as JSON.
  public static func decode<Content: Decodable>(_ type: Content.Type, from name: String) throws -> Content {
    try JSONDecoder().decode(type, from: data(name))
  }
}

/// Any JSON value of a vector file, kept so that it can be written out again.
public enum VectorValue: Codable, Sendable, Equatable {
  case null
  case boolean(Bool)
  case number(Double)
  case string(String)
  case array([VectorValue])
  case object([String: VectorValue])

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([VectorValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: VectorValue].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// The value as JSON text.
  public var text: [UInt8] { get throws { try [UInt8](JSONEncoder().encode(self)) } }

  public var string: String? { if case .string(let value) = self { value } else { nil } }

  public subscript(_ name: String) -> VectorValue? {
    if case .object(let members) = self { members[name] } else { nil }
  }
}

/// The bytes that a hexadecimal text stands for.
public func hexadecimal(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
