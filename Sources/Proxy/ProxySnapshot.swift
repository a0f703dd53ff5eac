public import Gate
public import JOSE

/// What decisions are made by: published as a whole, replaced as a whole.
public struct ProxySnapshot: Sendable {
  public var policy: Policy
  public var keys: KeySnapshot
  public var revocations: Revocations
  /// Signs identity assertions.
  public var assertionKey: SigningKey?

  public init(policy: Policy, keys: KeySnapshot, revocations: Revocations) {
    self.policy = policy
    self.keys = keys
    self.revocations = revocations
  }
}
