internal import OrderedCollections

/// What a simulator and a metrics page look at. Nothing is decided from it.
extension ClusterCore {
  /// How much is on its way here; all zero when everything has settled.
  package struct Load: Equatable, Sendable {
    /// Jobs of which deliveries are held, or which are being settled.
    package var entries: Int
    /// Assignments that are believed to run.
    package var beliefs: Int
    /// Publishes that do not count yet.
    package var publishes: Int
    /// Outcomes that are not yet known to be recorded.
    package var records: Int
  }

  package var load: Load {
    Load(
      entries: entries.count, beliefs: runs.count, publishes: ledger.count, records: recorder.count)
  }

  /// Every delivery that is not yet acked or given back, in no order: in a job's set, waiting beside
  /// it, or behind a publish of its own.
  package func forEachHeldDelivery(_ body: (DeliveryTag) -> Void) {
    for entry in entries.values {
      for tag in entry.deliveries { body(tag) }
      for (tag, _) in entry.waiting { body(tag) }
    }
    ledger.forEachDelivery { tag in
      if generations.contains(tag.generation) { body(tag) }
    }
  }

  /// Alerts that were raised here and not resolved, oldest first.
  package var firingAlerts: [Alert] { Array(openAlerts.values) }

  /// Slots that a worker has offered here and that are neither spent nor given back.
  package func credit(of worker: NodeName) -> UInt64 { workers[worker]?.freeCredit ?? 0 }
}

extension WorkerCore {
  /// Slots offered on a session and neither spent nor given back.
  package func creditOffered(to session: SessionID) -> UInt64 {
    UInt64(sessions[session]?.outstanding ?? 0)
  }
}
