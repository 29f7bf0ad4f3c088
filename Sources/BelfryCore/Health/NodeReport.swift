internal import OrderedCollections

/// What a node says of itself to whoever started it: in the end to a person, in one sentence.
package struct NodeReport: Sendable, Equatable {
  package enum Phase: Sendable {
    /// Not of use yet: a server or a coordinator it needs has not been reached.
    case starting
    case ready
    /// Planned: takes no new jobs and ends what it has.
    case leaving
  }

  package var phase: Phase
  /// Without a full stop: `2 of 8 slots taken, 1 of 1 coordinators in session`.
  package var sentence: String

  package init(phase: Phase, sentence: String) {
    self.phase = phase
    self.sentence = sentence
  }
}

extension WorkerCore {
  /// Ready from the first welcome on: before that no coordinator gives it jobs.
  ///
  /// - Parameter isLeaving: whether the process is to end; draining alone is no end of it.
  package func report(isLeaving: Bool) -> NodeReport {
    let jobs = "\(slotsInUse) of \(configuration.slots) slots taken"
    if isLeaving {
      let unacknowledged = runs.byAssignment.count - slotsTaken
      let more = unacknowledged > 0 ? ", \(unacknowledged) outcomes not yet acknowledged" : ""
      return NodeReport(phase: .leaving, sentence: "leaving: \(jobs)\(more)")
    }
    let open = sessions.values.count(where: \.isWelcome)
    guard hasBeenWelcome else {
      return NodeReport(phase: .starting, sentence: "no coordinator has been reached yet")
    }
    let session =
      open == 0
      ? "no coordinator is reached"
      : "in session with \(open) \(open == 1 ? "coordinator" : "coordinators")"
    return NodeReport(
      phase: .ready, sentence: "\(isDraining ? "draining: " : "")\(jobs), \(session)")
  }
}

extension ClusterCore {
  /// - Parameter isServing: whether workers can call; the core does not know.
  package func report(isServing: Bool) -> NodeReport {
    if isDraining {
      return NodeReport(phase: .leaving, sentence: "leaving: \(settlingCount) jobs to settle")
    }
    guard isServing else {
      return NodeReport(phase: .starting, sentence: "waits for \(configuration.brokerName)")
    }
    let up = workers.values.count(where: \.isInSession)
    let wrong = verdict()
    return NodeReport(
      phase: .ready,
      sentence: "\(up) \(up == 1 ? "worker" : "workers") in session, \(runs.count) jobs running; "
        + (wrong.isEmpty ? "nothing is wrong" : wrong))
  }
}
