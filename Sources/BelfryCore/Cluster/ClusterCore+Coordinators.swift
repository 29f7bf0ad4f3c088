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
    for change in roster.read(records, own: configuration.name, at: now) {
      heard(change, at: now)
      ready.healthChanged = true
    }
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
        var node = HealthPicture.Node(
          peer.record, state: "\(peer.standing)",
          reason: peer.reason.isEmpty ? peer.record.trouble : peer.reason,
          // A record that is a little old is no change worth telling.
          heartbeatAge: silence < CoordinatorRoster.writeEvery * 2 ? .zero : silence)
        node.since = peer.since
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
