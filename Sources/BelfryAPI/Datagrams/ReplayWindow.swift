/// Tells new sequence numbers from those that were seen before, among the last 64 (RFC 4303, section
/// 3.4.3): what is older is taken for seen.
package struct ReplayWindow: Sendable, Equatable {
  package static let width: UInt64 = 64

  /// 0: none yet.
  package private(set) var highest: UInt64 = 0
  /// Bit n: `highest - n` was seen.
  private var seen: UInt64 = 0

  package init() {}

  /// True for a number that is new; from then on it is not. Only for what is known to be authentic.
  package mutating func accept(_ sequence: UInt64) -> Bool {
    guard sequence > 0 else { return false }
    if sequence > highest {
      // A shift by 64 or more leaves nothing.
      seen = (seen << (sequence - highest)) | 1
      highest = sequence
      return true
    }
    let age = highest - sequence
    guard age < Self.width, seen & (1 << age) == 0 else { return false }
    seen |= 1 << age
    return true
  }

  /// Of the last 64, or of all while there are fewer.
  package var missed: Int { Int(min(highest, Self.width)) - seen.nonzeroBitCount }
}
