internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC

/// What operators set of workers: a cordon, labels. Written first, then read back: what this coordinator
/// does is what all others will do.
extension ClusterService {
  /// A record that changes under our hands is read again so often.
  private static let roundsMax = 20
  private static let labelsMax = 64

  func cordon(
    _ request: Belfry_V1_CordonNodeRequest, by who: String
  ) async throws -> Belfry_V1_NodeHealth {
    try Self.check(reason: request.reason)
    let cordon = NodeControl.Cordon(
      by: who, reason: request.reason, since: shell.clock.now().wall)
    return try await set(request.name) { control, _ in
      // Who did it first, and since when, stays.
      control.cordon = request.cordoned ? control.cordon ?? cordon : nil
    }
  }

  func label(_ request: Belfry_V1_LabelNodeRequest) async throws -> Belfry_V1_NodeHealth {
    var added: [Label] = []
    for label in request.set {
      guard let label = Label(key: label.key, value: label.value) else {
        throw RPCStatus(
          .invalidArgument, "\"\(label.key.cut(64))=\(label.value.cut(64))\" is no label")
      }
      added.append(label)
    }
    let gone = Set(request.remove).union(added.map(\.key))
    return try await set(request.name) { control, seen in
      for key in request.remove where !control.labels.contains(where: { $0.key == key }) {
        guard seen?.labels.contains(where: { $0.key == key }) != true else {
          throw RPCStatus(
            .failedPrecondition,
            "the label \(key.cut(64)) is one that \(control.name) brings itself: it can be given another "
              + "value here, and is removed where the worker is started, or where its token was made"
          )
        }
      }
      control.labels = (control.labels.filter { !gone.contains($0.key) } + added).sorted()
      guard control.labels.count <= Self.labelsMax else {
        throw RPCStatus(.invalidArgument, "a worker is given at most \(Self.labelsMax) labels")
      }
    }
  }

  /// - Parameter body: changes what is set; is told how the worker is seen here, if it is.
  private func set(
    _ text: String, _ body: (inout NodeControl, HealthPicture.Node?) throws -> Void
  ) async throws -> Belfry_V1_NodeHealth {
    let name = try MembershipService.name(text)
    let seen = await shell.picture().nodes.first { $0.name == name.text }
    guard seen?.role != "coordinator" else {
      throw RPCStatus(.failedPrecondition, "\(name) is a coordinator: only workers are given jobs")
    }
    for _ in 0..<Self.roundsMax {
      let stored = try answer(await store.record(.controls, name.text))
      let old = stored.flatMap(NodeControl.init)
      if seen == nil, old == nil, try await !isMember(name) {
        throw RPCStatus(.notFound, "no worker \(name) is seen here, and none is recorded")
      }
      var control = old ?? NodeControl(name: name)
      try body(&control, seen)
      if control != old, try await !keep(control, over: stored) { continue }
      try await takeControls()
      return await view(control)
    }
    throw RPCStatus(.aborted, "what is set of \(name) keeps changing: ask again")
  }

  private func isMember(_ name: NodeName) async throws -> Bool {
    guard let record = try answer(await store.record(.nodes, name.text)) else { return false }
    guard let node = NodeRecord(record) else { return true }
    return node.state == .member && node.role == "worker"
  }

  /// False: somebody was quicker.
  private func keep(_ control: NodeControl, over old: StoredRecord?) async throws -> Bool {
    let next = control.stored(version: (old?.version ?? 0) + 1, at: shell.clock.now().wall)
    let written: Bool?
    if let old {
      written = control.isEmpty ? await store.remove(old) : await store.replace(next)
    } else {
      written = control.isEmpty ? true : await store.create(next)
    }
    guard let written else { throw MembershipService.silence }
    return written
  }

  private func takeControls() async throws {
    let records = try answer(await store.allRecords(.controls))
    await shell.take(records.compactMap(NodeControl.init))
  }

  private func view(_ control: NodeControl) async -> Belfry_V1_NodeHealth {
    let seen = await shell.picture().nodes.first { $0.name == control.name.text }
    return seen.map(Belfry_V1_NodeHealth.init) ?? Belfry_V1_NodeHealth(control)
  }

  func answer<Answer>(_ result: Result<Answer, StoreProblem>) throws(RPCStatus) -> Answer {
    switch result {
    case .success(let answer): answer
    case .failure(let problem):
      throw RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
    }
  }
}
