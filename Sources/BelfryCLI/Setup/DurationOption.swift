internal import ArgumentParser
internal import BelfryCore
internal import Foundation

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

/// A time as programs write it: RFC 3339.
struct TimeOption: ExpressibleByArgument {
  let milliseconds: Int64

  init?(argument: String) {
    guard
      let date = (try? Date(argument, strategy: .iso8601))
        ?? (try? Date(argument, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    else { return nil }
    milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded())
  }
}
