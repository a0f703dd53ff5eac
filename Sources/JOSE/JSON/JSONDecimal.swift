/// A JSON number taken apart (RFC 8259 §6), so that no digit passes through binary floating point.
struct JSONDecimal {
  var isNegative = false
  /// Neither a fraction nor an exponent is written.
  var isInteger = true
  private var digits: InlineArray<128, UInt8> = .init(repeating: 0)
  private var digitCount = 0
  /// Digits before the decimal point, exponent applied; may be negative or beyond `digitCount`.
  private var pointPosition = 0

  /// Bytes of a number; longer ones are refused as out of range.
  static let maximumBytes = 128

  /// Nil for a text that is no number, or too long a one.
  init?(_ text: Span<UInt8>) {
    guard text.count <= Self.maximumBytes else { return nil }
    var position = 0
    func isDigit(_ index: Int) -> Bool { index < text.count && text[index] &- UInt8(ascii: "0") < 10 }

    if position < text.count, text[position] == UInt8(ascii: "-") {
      isNegative = true
      position += 1
    }
    guard isDigit(position) else { return nil }
    let integerStart = position
    while isDigit(position) {
      append(text[position])
      position += 1
    }
    guard position - integerStart == 1 || text[integerStart] != UInt8(ascii: "0") else { return nil }
    pointPosition = digitCount
    if position < text.count, text[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      guard isDigit(position) else { return nil }
      while isDigit(position) {
        append(text[position])
        position += 1
      }
    }
    if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      var exponentIsNegative = false
      if position < text.count, text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") {
        exponentIsNegative = text[position] == UInt8(ascii: "-")
        position += 1
      }
      guard isDigit(position) else { return nil }
      var exponent = 0
      while isDigit(position) {
        // Beyond this every number is out of range or zero.
        exponent = min(100_000, exponent * 10 + Int(text[position] - UInt8(ascii: "0")))
        position += 1
      }
      pointPosition += exponentIsNegative ? -exponent : exponent
    }
    guard position == text.count else { return nil }
  }

  private mutating func append(_ digit: UInt8) {
    digits[digitCount] = digit - UInt8(ascii: "0")
    digitCount += 1
  }

  /// Whether the magnitude is zero, or at least 1e-308 and below 1e308: what an IEEE 754 double holds with room to
  /// spare.
  var isInRange: Bool {
    var first = 0
    while first < digitCount, digits[first] == 0 { first += 1 }
    guard first < digitCount else { return true }
    return (-307...308).contains(pointPosition - first)
  }

  /// The magnitude times a power of ten, fraction cut; nil where it exceeds Int64.
  func integer(scaledByPowerOfTen power: Int) -> Int64? {
    var value: Int64 = 0
    var index = 0
    while index < pointPosition + power {
      if index >= digitCount, value == 0 { return 0 }
      let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
      let digit = index < digitCount ? Int64(digits[index]) : 0
      let (sum, sumOverflow) = product.addingReportingOverflow(digit)
      guard !productOverflow, !sumOverflow else { return nil }
      value = sum
      index += 1
    }
    return value
  }

  /// The value of an integer; nil where it exceeds Int64 or a fraction or exponent is written.
  var integerValue: Int64? {
    guard isInteger else { return nil }
    var value: Int64 = 0
    for index in 0..<digitCount {
      let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
      let digit = Int64(digits[index])
      let (next, overflow) =
        isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
      guard !productOverflow, !overflow else { return nil }
      value = next
    }
    return value
  }
}
