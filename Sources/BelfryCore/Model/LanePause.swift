/// A lane that somebody has paused: it accepts jobs and gives none out.
package struct LanePause: Sendable, Equatable {
  package var lane: Lane
  /// The certificate's name of who did it.
  package var by: String
  package var reason: String
  package var since: WallTime

  package init(lane: Lane, by: String, reason: String, since: WallTime) {
    self.lane = lane
    self.by = by
    self.reason = reason
    self.since = since
  }
}

/// How far a run is, as its handler says. Seen live, never stored.
package struct JobProgress: Sendable, Equatable {
  /// 0 to 1000.
  package var permille: Int
  package var text: String

  package static let textMax = 256

  package init(permille: Int, text: String) {
    self.permille = min(max(permille, 0), 1_000)
    // It is shown on terminals: what would move the cursor there is left out.
    let shown = text.unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }
    self.text = String(String.UnicodeScalarView(shown.prefix(Self.textMax)))
  }
}
