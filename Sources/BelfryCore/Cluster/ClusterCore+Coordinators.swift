internal import OrderedCollections

/// The other coordinators, and what this one says of itself to them and to workers.
extension ClusterCore {
  mutating func coordinatorsRead(_ records: [StoredRecord], at now: Now) {
    // Another may have missed us before we started; only the store knows.
    if !roster.hasRead {
      resolve("coordinator-lost", configuration.name.text, why: "it has started again", at: now)
    }
    let known = coordinatorAddresses
    let isFirst = !roster.hasRead
    for change in roster.read(records, own: configuration.name, missed: isMissed, at: now) {
      heard(change, at: now)
      ready.healthChanged = true
    }
    let doubtful = roster.presencesInDoubt(at: now.monotonic)
    if consumers.channel != nil, !doubtful.isEmpty { ready.commands.append(.measure(doubtful)) }
    if isFirst || coordinatorAddresses != known { tellCoordinators() }
  }

  private mutating func heard(_ change: CoordinatorRoster.Change, at now: Now) {
    switch change {
    case .came(let name):
      resolve("coordinator-lost", name.text, why: "coordinator \(name) writes again", at: now)
    case .leaves(let name):
      resolveIfOpen("coordinator-lost", name.text, why: "it has left", at: now)
    case .lost(let name, let why):
      raise(
        "coordinator-lost", name.text, .critical, "coordinator \(name) is lost", why: why, at: now)
    case .forgotten(let name):
      resolve("coordinator-lost", name.text, why: "forgotten: away for 10 minutes", at: now)
    case .told: break
    }
  }

  // MARK: what workers say of them

  mutating func heardOfCoordinators(_ heartbeat: Heartbeat, from worker: Worker) {
    guard worker.hears != heartbeat.hears || worker.misses != heartbeat.misses else { return }
    worker.hears = heartbeat.hears
    worker.misses = heartbeat.misses
    ready.healthChanged = true
  }

  /// A worker has lost its session with it, and none has one.
  func isMissed(_ coordinator: NodeName) -> Bool {
    var isMissed = false
    for worker in workers.values where worker.isAlive {
      if worker.hears.contains(coordinator) { return false }
      isMissed = isMissed || worker.misses.contains(coordinator)
    }
    return isMissed
  }

  /// One that workers miss may be gone: its record is worth a look before the time.
  package func missesCoordinator(at now: Instant) -> Bool {
    roster.isWorthALook(missed: isMissed, at: now)
  }

  // MARK: what is said of them

  /// Where workers reach coordinators: this one, and the others that have not left.
  package var coordinatorAddresses: [CoordinatorAddress] {
    let own = CoordinatorAddress(name: configuration.name, addresses: configuration.addresses)
    let others = roster.peers.values.filter { $0.standing != .left }.map {
      CoordinatorAddress(name: $0.record.name, addresses: $0.record.addresses)
    }
    return ([own] + others).filter { !$0.addresses.isEmpty }
  }

  /// To a worker that is welcome, once it is known who there is.
  mutating func tellCoordinators(_ session: SessionID) {
    let addresses = coordinatorAddresses
    guard roster.hasRead, !addresses.isEmpty else { return }
    ready.sends.append((session, .coordinators(addresses)))
  }

  private mutating func tellCoordinators() {
    for worker in workers.values {
      if let session = worker.session { tellCoordinators(session) }
    }
  }

  /// What this coordinator says of itself now.
  package func record(at now: Now) -> CoordinatorRecord {
    var record = CoordinatorRecord(
      name: configuration.name, boot: configuration.boot, state: isDraining ? .draining : .up,
      since: ownSince ?? now.wall)
    record.addresses = configuration.addresses
    record.lanes = configuration.lanes
    record.software = configuration.software
    record.certificateExpires = certificate?.ends
    record.isPresent = isPresent
    record.trouble = [
      (configuration.brokerName, parts.brokerState), (configuration.storeName, parts.storeState),
    ].filter { $0.1.state != .up }.map { "\($0): \($1.reason)" }.joined(separator: "; ")
    return record
  }

  func coordinatorNodes(at now: Now) -> [HealthPicture.Node] {
    let own = HealthPicture.Node(
      record(at: now), state: isDraining ? "draining" : "up", reason: "", heartbeatAge: .zero)
    return [own]
      + roster.peers.values.map { peer in
        let silence = now.monotonic - peer.heardAt
        let isSuspect = peer.standing == .up && isMissed(peer.record.name)
        let reasons = [isSuspect ? "workers miss it" : peer.reason, peer.record.trouble]
        var node = HealthPicture.Node(
          peer.record, state: isSuspect ? "suspect" : "\(peer.standing)",
          reason: reasons.first { !$0.isEmpty } ?? "",
          // A record that is a little old is no change worth telling.
          heartbeatAge: silence < CoordinatorRoster.writeEvery * 4 ? .zero : silence)
        node.since = peer.since
        if isSuspect { node.pending = "coordinator-lost" }
        return node
      }
  }
}

extension HealthPicture.Node {
  fileprivate init(
    _ record: CoordinatorRecord, state: String, reason: String, heartbeatAge: Duration
  ) {
    self.init(
      name: record.name.text, role: "coordinator", state: state, reason: reason,
      since: record.since, boot: record.boot, slots: 0, running: 0, heartbeatAge: heartbeatAge,
      labels: [], kinds: [], lanes: record.lanes, software: record.software,
      address: record.addresses.joined(separator: " "),
      certificateExpires: record.certificateExpires)
  }
}
