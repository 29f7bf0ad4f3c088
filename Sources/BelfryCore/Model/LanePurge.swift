/// Somebody empties a lane: what waits there and was submitted by then gets the outcome cancelled.
///
/// Kept in the store while it is done, so that every coordinator heeds it; each forgets it at its end, should
/// the one that began it die. Jobs whose message does not say when it was submitted count as old.
package struct LanePurge: Sendable, Equatable {
  /// Longer nobody waits for a lane to be empty.
  package static let lastsMax = Duration.seconds(600)

  package var lane: Lane
  /// The certificate's name of who did it.
  package var by: String
  package var since: WallTime
  package var ends: WallTime

  package init(lane: Lane, by: String, since: WallTime, ends: WallTime) {
    self.lane = lane
    self.by = by
    self.since = since
    self.ends = ends
  }

  func takes(_ job: Job, at now: WallTime) -> Bool {
    now < ends && job.submittedAt.map { $0 <= since } ?? true
  }
}

extension LanePurge {
  package init?(_ record: StoredRecord) {
    guard record.collection == .purges, let lane = Lane(record.id),
      let since = WallTime(field: record.fields["since"]),
      let ends = WallTime(field: record.fields["ends"])
    else { return nil }
    self.init(lane: lane, by: record.fields["by"] ?? "", since: since, ends: ends)
  }

  package var stored: StoredRecord {
    StoredRecord(
      .purges, id: lane.text, writtenAt: since,
      fields: ["by": by, "since": "\(since)", "ends": "\(ends)"])
  }
}
