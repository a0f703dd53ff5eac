/// What the key policy asks of an RSA modulus, big-endian and without leading zeros.
enum RSAModulus {
  /// From 2,048 to 8,192 bits, odd, and not of the generator of CVE-2017-15361.
  static func isAccepted(_ modulus: [UInt8]) -> Bool {
    guard let first = modulus.first, first != 0, let last = modulus.last else { return false }
    let bits = modulus.count * 8 - first.leadingZeroBitCount
    return (2048...8192).contains(bits) && last & 1 == 1 && !hasWeakGenerator(modulus)
  }

  /// The fingerprint of ROCA (Nemec and others, "The Return of Coppersmith's Attack", 2017, section 2.3): primes of the
  /// faulty generator are powers of 65,537 modulo each small prime, hence their product is. Other moduli are so by
  /// chance once in some hundred million.
  private static func hasWeakGenerator(_ modulus: [UInt8]) -> Bool {
    for prime in smallPrimes {
      let remainder = modulus.reduce(UInt32(0)) { ($0 << 8 | UInt32($1)) % prime }
      var power: UInt32 = 1
      repeat {
        if power == remainder { break }
        power = power * (65_537 % prime) % prime
      } while power != 1
      if power != remainder { return false }
    }
    return true
  }

  /// The primes whose product divides the modulus of every key size of that generator.
  private static let smallPrimes: [UInt32] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113,
    127, 131, 137, 139, 149, 151, 157, 163, 167,
  ]
}
