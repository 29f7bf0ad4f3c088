internal import ArgumentParser
internal import BelfryCore

/// A duration as people write it: `250ms`, `30s`, `5m`, `1h30m`.
struct DurationOption: ExpressibleByArgument {
  let duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = Duration(short: argument) else { return nil }
    self.duration = duration
  }

  var defaultValueDescription: String { duration.shortText }
}
