internal import OrderedCollections

/// A worker as it sees itself now: for its metrics and probes.
package struct WorkerStatus: Sendable, Equatable {
  package var slots: Int
  /// Slots taken by runs, those included whose outcome is being recorded.
  package var running: Int
  /// Coordinators that have welcomed it.
  package var sessions: Int
  package var isDraining: Bool
}

extension WorkerCore {
  package var status: WorkerStatus {
    WorkerStatus(
      slots: configuration.slots, running: runs.slotsTaken,
      sessions: sessions.values.count { $0.isWelcome }, isDraining: isDraining)
  }
}
