/// What names one run: the seed draws the world and, unless they are written down, its faults. What
/// is written down besides makes a run that was shrunk repeatable.
package struct SimulationCase: Sendable, Equatable {
  package var seed: UInt64
  /// Faults at most; nil: drawn from 0 to 10.
  package var faultsMax: Int?
  /// The faults to do, in order of time; nil: drawn.
  package var faults: [PlannedFault]?
  /// The jobs that are produced, by index; nil: all.
  package var jobs: [Int]?
  /// Another order of events in the same world.
  package var salt: UInt64 = 0

  package init(seed: UInt64, faultsMax: Int? = nil) {
    self.seed = seed
    self.faultsMax = faultsMax
  }

  /// As arguments of `belfry-sim`.
  package var arguments: String {
    var parts = ["--seed \(seed)"]
    if let faultsMax, faults == nil { parts.append("--faults \(faultsMax)") }
    if salt != 0 { parts.append("--salt \(salt)") }
    if let jobs { parts.append("--jobs " + jobs.map(String.init).joined(separator: ",")) }
    if let faults {
      parts.append(
        "--fault " + (faults.isEmpty ? "none" : faults.map(\.text).joined(separator: ",")))
    }
    return parts.joined(separator: " ")
  }

  /// Reads what `arguments` wrote; nil when it is something else.
  package init?(arguments: some StringProtocol) {
    let words = arguments.split(separator: " ")
    guard words.count.isMultiple(of: 2) else { return nil }
    var seed: UInt64?
    self.init(seed: 0)
    for index in stride(from: 0, to: words.count, by: 2) {
      let value = words[index + 1]
      switch words[index] {
      case "--seed": seed = UInt64(value)
      case "--faults": faultsMax = Int(value)
      case "--salt": salt = UInt64(value) ?? 0
      case "--jobs": jobs = Self.jobs(value)
      case "--fault":
        guard let read = Self.faults(value) else { return nil }
        faults = read
      default: return nil
      }
    }
    guard let seed else { return nil }
    self.seed = seed
  }

  package static func jobs(_ text: some StringProtocol) -> [Int]? {
    let numbers = text.split(separator: ",").map { Int($0) }
    return numbers.contains(nil) ? nil : numbers.compactMap { $0 }
  }

  package static func faults(_ text: some StringProtocol) -> [PlannedFault]? {
    if text == "none" { return [] }
    let faults = text.split(separator: ",").map { PlannedFault($0) }
    return faults.contains(nil) ? nil : faults.compactMap { $0 }
  }
}

/// One fault: of which kind, after the first event at or behind which virtual time, and the number
/// from which its victim and its length are drawn. `workerCrash@812334567:42`.
package struct PlannedFault: Sendable, Equatable {
  package let kind: FaultKind
  /// Nanoseconds of virtual time.
  package let time: Int64
  package let choice: UInt64

  init(kind: FaultKind, time: Int64, choice: UInt64) {
    self.kind = kind
    self.time = time
    self.choice = choice
  }

  package init?(_ text: some StringProtocol) {
    let parts = text.split { $0 == "@" || $0 == ":" }
    guard parts.count == 3, let time = Int64(parts[1]), let choice = UInt64(parts[2]),
      let kind = FaultKind.allCases.first(where: { "\($0)" == parts[0] })
    else { return nil }
    self.init(kind: kind, time: time, choice: choice)
  }

  package var text: String { "\(kind)@\(time):\(choice)" }
}
