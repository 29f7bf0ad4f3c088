package import BelfryCore

/// What `Find`, `Retry` and `Forget` look for.
package struct JobFilter: Sendable {
  package var outcomes: OutcomeFilter
  /// Whether what is queued or running here, delayed, or over is asked for.
  package var wantsQueued = true
  package var wantsRunning = true
  package var wantsDelayed = true
  package var wantsOutcomes = true
  package var limit: Int

  package static let dead: [Outcome.State] = [.failed, .expired]
}

extension Belfry_V1_FindRequest {
  package func filter(limit standard: Int = 100) throws(MappingError) -> JobFilter {
    guard ids.count <= OutcomeFilter.idsMax else {
      throw MappingError("ids", "\(ids.count) of at most \(OutcomeFilter.idsMax)")
    }
    guard limit <= OutcomeFilter.limitMax else {
      throw MappingError("limit", "\(limit) of at most \(OutcomeFilter.limitMax)")
    }
    guard idPrefix.isEmpty || Grammar.isJobID(idPrefix) else {
      throw MappingError("id_prefix", idPrefix)
    }
    var outcomes = OutcomeFilter()
    for id in ids { outcomes.ids.append(try Field.job(id)) }
    outcomes.idPrefix = idPrefix
    outcomes.kind = kind.isEmpty ? nil : try Field.kind(kind)
    outcomes.lane = lane.isEmpty ? nil : try Field.lane(lane)
    outcomes.worker = worker.isEmpty ? nil : try Field.node(worker)
    outcomes.requires = try Field.labels(requires)
    outcomes.since = Field.time(sinceMs)
    outcomes.until = Field.time(untilMs)
    var filter = JobFilter(outcomes: outcomes, limit: limit == 0 ? standard : Int(limit))
    try filter.narrow(to: states)
    // Only outcomes have finished.
    if sinceMs != 0 || untilMs != 0 {
      (filter.wantsQueued, filter.wantsRunning, filter.wantsDelayed) = (false, false, false)
    }
    return filter
  }
}

extension JobFilter {
  fileprivate mutating func narrow(to states: [String]) throws(MappingError) {
    guard !states.isEmpty else { return }
    var over: [Outcome.State] = []
    for state in states {
      if state == "dead" {
        over += Self.dead
      } else if let known = Outcome.State(rawValue: state) {
        over.append(known)
      } else if !["queued", "running", "delayed"].contains(state) {
        throw MappingError("state", state)
      }
    }
    outcomes.states = over
    wantsQueued = states.contains("queued")
    wantsRunning = states.contains("running")
    wantsDelayed = states.contains("delayed")
    wantsOutcomes = !over.isEmpty
  }
}
