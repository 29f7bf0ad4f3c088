internal import BelfryCore

/// Reads each second what people have said of alerts, by whichever coordinator, and which are open.
struct AlertPolling: Sendable {
  static let every = Duration.seconds(1)

  let store: any AlertStore & RecordStore
  let shell: CoreShell
  let sinks: [any AlertSink]
  let board = AlertBoard()

  func poll() async throws {
    while true {
      await read()
      try await Task.sleep(for: Self.every)
    }
  }

  /// The desk hears of it, and the core; nothing when the store does not answer.
  func read() async {
    if !sinks.isEmpty { shell.post(.sinksLooked(sinks.flatMap(\.looks))) }
    guard let silences = await silences().success, let open = await store.openAlerts().success
    else { return }
    if board.read(silences) { shell.health.changed() }
    shell.heard(.read(silences, open: open))
    shell.post(.alertsRead(open))
  }

  /// The last made first.
  func silences() async -> Result<[Silence], StoreProblem> {
    await store.records(.silences, since: nil, before: nil, limit: Silence.countMax).map {
      $0.compactMap(Silence.init).sorted { $0.made > $1.made }
    }
  }
}

extension Result {
  fileprivate var success: Success? { if case .success(let value) = self { value } else { nil } }
}
