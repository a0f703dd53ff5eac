import Foundation

/// A signature or MAC file of Wycheproof.
public struct WycheproofFile: Decodable, Sendable {
  public struct Group: Decodable, Sendable {
    public let sha: String?
    public let mgfSha: String?
    public let sLen: Int?
    public let tagSize: Int?
    public let publicKeyPem: String?
    public let publicKeyJwk: VectorValue?
    public let keyJwk: VectorValue?
    public let tests: [Case]
  }

  public struct Case: Decodable, Sendable {
    public let tcId: Int
    public let comment: String
    public let result: String
    public let key: String?
    public let msg: String
    public let sig: String?
    public let tag: String?
  }

  public let numberOfTests: Int
  public let testGroups: [Group]

  public init(_ name: String) throws {
    self = try Vectors.decode(Self.self, from: "wycheproof/\(name)_test.json")
  }

  /// The identifiers of the cases that `predicate` holds for.
  public func identifiers(where predicate: (Group, Case) throws -> Bool) rethrows -> [Int] {
    try testGroups.flatMap { group in try group.tests.filter { try predicate(group, $0) }.map(\.tcId) }
  }
}
