/// Random numbers that are the same for the same seed, on every machine: SplitMix64.
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    // Neighbouring seeds must not give neighbouring runs.
    state = seed &* 0xD6E8_FEB8_6659_FD93 ^ 0x9E37_79B9_7F4A_7C15
    _ = next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Parts of a run draw from streams of their own, so that one more draw in one part leaves the
  /// others as they were.
  init(seed: UInt64, _ stream: Stream, _ number: Int = 0) {
    self.init(seed: seed ^ stream.rawValue << 56 ^ UInt64(number) << 40)
  }

  enum Stream: UInt64 {
    case world = 1
    case workers, jobs, faults, events, beats, people
  }

  /// From 0 up to, not including, `count`, which is at least 1.
  package mutating func below(_ count: Int) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(count)).high)
  }

  package mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
    range.lowerBound + Int64(below(Int(range.upperBound - range.lowerBound) + 1))
  }

  /// True once in `count` times.
  package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  package mutating func coin() -> Bool { next() & 1 == 0 }

  package mutating func pick<Element>(_ choices: [Element]) -> Element {
    choices[below(choices.count)]
  }
}
