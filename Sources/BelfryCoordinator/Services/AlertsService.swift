internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import SwiftProtobuf

/// What operators ask and say of alerts: of `belfry.v1.Cluster`.
struct AlertsService: Sendable {
  private static let resolvedMax = 1_000
  private static let resolvedWithin = Duration.seconds(86_400)
  private static let triesMax = 20

  let store: any AlertStore & RecordStore
  let polling: AlertPolling
  let sinks: [any AlertSink]

  private var shell: CoreShell { polling.shell }
  private var now: WallTime { shell.clock.now().wall }

  func list(_ request: Belfry_V1_ListAlertsRequest) async -> Belfry_V1_ListAlertsReply {
    let now = now
    let within =
      request.resolvedWithinMs > 0 ? .milliseconds(request.resolvedWithinMs) : Self.resolvedWithin
    var reply = Belfry_V1_ListAlertsReply()
    var stored: [Alert]?
    switch await read(since: now - within) {
    case .success(let alerts): stored = alerts
    case .failure(let problem): reply.storeProblem = problem.message
    }
    let picture = await shell.picture()
    let alerts = AlertList.merged(
      stored: stored, own: await shell.firingAlerts, desk: polling.board.openAlerts,
      pending: picture.pendingAlerts)
    reply.alerts = alerts.map { view($0, at: now) }
    reply.sinks = sinks.flatMap(\.looks).map(Belfry_V1_SinkView.init)
    return reply
  }

  private func read(since: WallTime) async -> Result<[Alert], StoreProblem> {
    // In this order: one that ends in between is there twice rather than not at all.
    switch await store.openAlerts() {
    case .failure(let problem): .failure(problem)
    case .success(let open):
      await store.resolvedAlerts(since: since, limit: Self.resolvedMax).map { resolved in
        open.filter { alert in
          !resolved.contains { $0.id == alert.id && $0.firedAt == alert.firedAt }
        } + resolved
      }
    }
  }

  private func view(_ alert: Alert, at now: WallTime) -> Belfry_V1_AlertView {
    var view = Belfry_V1_AlertView(alert)
    polling.board.mark(&view, at: now)
    return view
  }

  func acknowledge(
    _ request: Belfry_V1_AcknowledgeAlertRequest, by: String
  ) async throws(RPCStatus) -> Belfry_V1_AlertView {
    let id = AlertID(rule: request.rule, subject: request.subject)
    guard request.note.unicodeScalars.count <= ClusterService.reasonMax else {
      throw RPCStatus(
        .invalidArgument, "a note has at most \(ClusterService.reasonMax) characters")
    }
    let mine = Acknowledgement(by: by, at: now, note: request.note)
    guard await store.acknowledgeAlert(id, mine) != nil else { throw MembershipService.silence }
    let open: [Alert]
    switch await store.openAlerts() {
    case .success(let alerts): open = alerts
    case .failure(let problem): throw Self.away(problem)
    }
    guard let alert = open.first(where: { $0.id == id }) else {
      throw RPCStatus(.notFound, "alert \(id) does not fire")
    }
    await polling.read()
    return view(alert, at: now)
  }

  // MARK: silences

  func silence(
    _ request: Belfry_V1_CreateSilenceRequest, by: String
  ) async throws(RPCStatus) -> Belfry_V1_SilenceView {
    guard let match = AlertMatch(request.match) else {
      throw RPCStatus(
        .invalidArgument,
        "\"\(request.match.cut(AlertMatch.charactersMax))\" names no alerts: RULE or RULE/SUBJECT is"
          + " asked for, where * stands for any characters")
    }
    let length = Duration.milliseconds(request.forMs)
    guard length >= Silence.lengthMin, length <= Silence.lengthMax else {
      throw RPCStatus(.invalidArgument, "a silence ends after 1 minute to 365 days")
    }
    guard (1...ClusterService.reasonMax).contains(request.reason.unicodeScalars.count) else {
      throw RPCStatus(
        .invalidArgument, "a reason has 1 to \(ClusterService.reasonMax) characters")
    }
    let now = now
    for _ in 0..<Self.triesMax {
      let silence = Silence(
        id: Self.newID(), match: match, by: by, reason: request.reason, made: now,
        ends: now + length)
      guard let isNew = await store.create(silence.stored(version: 1, at: now)) else {
        throw MembershipService.silence
      }
      if isNew {
        await polling.read()
        return Belfry_V1_SilenceView(silence, at: now)
      }
    }
    throw RPCStatus(.aborted, "no name for the silence was free: ask again")
  }

  func silences() async throws(RPCStatus) -> Belfry_V1_ListSilencesReply {
    let now = now
    switch await polling.silences() {
    case .failure(let problem): throw Self.away(problem)
    case .success(let silences):
      return .with {
        $0.silences = silences.filter { $0.isShown(at: now) }
          .map { Belfry_V1_SilenceView($0, at: now) }
      }
    }
  }

  func end(
    _ request: Belfry_V1_EndSilenceRequest, by: String
  ) async throws(RPCStatus) -> Belfry_V1_SilenceView {
    for _ in 0..<Self.triesMax {
      let record: StoredRecord?
      switch await store.record(.silences, request.id) {
      case .failure(let problem): throw Self.away(problem)
      case .success(let found): record = found
      }
      let now = now
      guard let record, var silence = Silence(record), silence.holds(at: now) else {
        throw RPCStatus(.notFound, "no silence \(request.id.cut(64)) holds")
      }
      silence.ends = now
      silence.endedBy = by
      guard
        let isOurs = await store.replace(silence.stored(version: record.version + 1, at: now))
      else { throw MembershipService.silence }
      if isOurs {
        await polling.read()
        return Belfry_V1_SilenceView(silence, at: now)
      }
    }
    throw RPCStatus(.aborted, "the silence keeps changing: ask again")
  }

  /// Short enough to be typed; that it is new, the store says.
  private static func newID() -> String {
    let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")
    return "s-" + String((0..<6).map { _ in alphabet.randomElement() ?? "a" })
  }

  private static func away(_ problem: StoreProblem) -> RPCStatus {
    RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
  }
}

extension Belfry_V1_SilenceView {
  init(_ silence: Silence, at now: WallTime) {
    self.init()
    id = silence.id
    match = silence.match.text
    by = silence.by
    reason = silence.reason
    madeMs = silence.made.milliseconds
    endsMs = silence.ends.milliseconds
    endedBy = silence.endedBy
    holds = silence.holds(at: now)
  }
}

extension Belfry_V1_SinkView {
  init(_ look: SinkLook) {
    self.init()
    name = look.name
    kind = look.kind
    waiting = UInt32(clamping: look.waiting)
    deliveries = look.deliveries.map { delivery in
      .with {
        $0.atMs = delivery.at.milliseconds
        $0.rule = delivery.alert.rule
        $0.subject = delivery.alert.subject
        $0.state = delivery.state.rawValue
        $0.result = delivery.result.rawValue
        $0.why = delivery.why
      }
    }
  }
}
