package import BelfryCore
internal import Synchronization

extension MongoStore {
  package func openAlert(_ alert: Alert) async -> Bool? {
    let key = UnsureAlerts.Key(alert, isOpening: true)
    // The second round: a token of an episode that is over by now stands in the way.
    for _ in 0..<2 {
      let unsure = unsureAlerts.withLock { $0.tokens[key] }
      let token = unsure ?? randomToken()
      switch await insertAll(
        [alert], into: "alerts", encode: { AlertDocument.opening($0, token: token) })[0]
      {
      case .inserted:
        settleAlert(key)
        return true
      case .duplicate:
        guard unsure != nil else { return false }
        guard let isOurs = await hasAlert(AlertDocument.opened(token: token)) else { return nil }
        settleAlert(key)
        if isOurs { return true }
      case .unknown, .refused:
        unsureAlerts.withLock { $0.add(key, token) }
        return nil
      }
    }
    return false
  }

  package func closeAlert(_ alert: Alert) async -> Bool? {
    let key = UnsureAlerts.Key(alert, isOpening: false)
    let unsure = unsureAlerts.withLock { $0.tokens[key] }
    let token = unsure ?? randomToken()
    let changed = await call { [database] client throws(MongoFailure) in
      try client.command(database, AlertDocument.closing(alert, token: token))["nModified"]?.int
    }
    guard case .success(let count) = changed else {
      unsureAlerts.withLock { $0.add(key, token) }
      return nil
    }
    if count == 0, unsure != nil {
      let isOurs = await hasAlert(AlertDocument.closed(alert, token: token))
      if isOurs != nil { settleAlert(key) }
      return isOurs
    }
    settleAlert(key)
    return count == 1
  }

  private func settleAlert(_ key: UnsureAlerts.Key) {
    unsureAlerts.withLock { _ = $0.tokens.removeValue(forKey: key) }
  }

  private func hasAlert(_ filter: [UInt8]) async -> Bool? {
    let found = await call { [database] client throws(MongoFailure) in
      var isThere = false
      try client.find(
        database, "alerts", filter: filter, options: Self.readOptions(count: 1)
      ) { _ in isThere = true }
      return isThere
    }
    return try? found.get()  // Not answered is nil.
  }

  /// 128 random bits as hex: a name that nobody else uses.
  func randomToken() -> String {
    Hex.format(UInt64.random(in: 0...(.max))) + Hex.format(UInt64.random(in: 0...(.max)))
  }
}

extension MongoStore: AlertStore {
  package func acknowledgeAlert(
    _ id: AlertID, _ acknowledgement: Acknowledgement
  ) async -> Bool? {
    await changeAlert(AlertDocument.acknowledging(id, acknowledgement))
  }

  package func releaseAlert(_ id: AlertID, by releaser: String) async -> Bool? {
    await changeAlert(AlertDocument.releasing(id, by: releaser))
  }

  /// True when there was one to change.
  private func changeAlert(_ command: [UInt8]) async -> Bool? {
    let matched = await call { [database] client throws(MongoFailure) in
      try client.command(database, command)["n"]?.int == 1
    }
    return try? matched.get()  // Not answered is nil.
  }

  package func openAlerts() async -> Result<[Alert], StoreProblem> {
    await readAlerts(AlertDocument.open, limit: Self.openAlertsMax, by: "firedAt")
  }

  package func resolvedAlerts(
    since: WallTime, limit: Int
  ) async -> Result<[Alert], StoreProblem> {
    await readAlerts(
      AlertDocument.resolved(since: since), limit: limit, by: "resolvedAt", isSearch: true)
  }

  private func readAlerts(
    _ filter: [UInt8], limit: Int, by time: String, isSearch: Bool = false
  ) async -> Result<[Alert], StoreProblem> {
    await read(
      "alerts", filter, batch: limit, isSearch: isSearch,
      options: {
        $0.document("sort") { $0.int(time, -1) }
        $0.int("limit", limit)
      }
    ) { documents in
      // One that cannot be read is of a newer Belfry: it is none that we could name.
      documents.compactMap { try? AlertDocument.read($0) }
    }
  }
}

/// Alert writes that may have happened: the repeated one must still answer *this caller did it*,
/// or nobody sends the alert.
struct UnsureAlerts {
  struct Key: Hashable {
    let rule: String
    let subject: String
    let isOpening: Bool

    init(_ alert: Alert, isOpening: Bool) {
      rule = alert.rule
      subject = alert.subject
      self.isOpening = isOpening
    }
  }

  private static let countMax = 1_000
  fileprivate(set) var tokens: [Key: String] = [:]

  /// Beyond the bound nothing is remembered: such an alert may then go unsent, but is recorded.
  fileprivate mutating func add(_ key: Key, _ token: String) {
    if tokens[key] != nil || tokens.count < Self.countMax { tokens[key] = token }
  }
}
