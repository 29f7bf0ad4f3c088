internal import BelfryAPI
internal import BelfryCore
internal import CoreMetrics
internal import Foundation
internal import Logging
internal import NIOPosix
internal import Synchronization

/// One sink's line: what waits in its spool, and the task that delivers it, the oldest first.
final class SinkLine: Sendable {
  /// How long the first of several waits for the others: twenty nodes lost with one switch are one
  /// message where the receiver takes several.
  static let gatherTime = Duration.milliseconds(300)
  static let (backoffMin, backoffMax) = (Duration.seconds(1), Duration.seconds(300))
  /// The longest that a receiver may ask us to wait.
  static let retryAfterMax = Duration.seconds(3_600)

  /// Deliveries that are kept for people.
  static let deliveriesMax = 50

  private let name: String
  private let kind: String
  private let spool: AlertSpool
  private let transport: any SinkTransport
  private let logger: Logger
  private let arrivals = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  private let delivered: Counter
  private let refused: Counter
  private let failed: Counter
  private let dropped: Counter
  private let deliveries = Mutex<[AlertDelivery]>([])
  /// Those that are open; nil: not known yet.
  private let open = Mutex<Set<AlertID>?>(nil)
  /// One that has waited for less was open a moment ago.
  private static let staleAfter = Duration.seconds(60)

  init(
    name: String, kind: String, spool: AlertSpool, transport: any SinkTransport, logger: Logger,
    metrics: any MetricsFactory
  ) {
    self.name = name
    self.kind = kind
    self.spool = spool
    self.transport = transport
    self.logger = logger
    func counter(_ result: String) -> Counter {
      Counter(
        label: "belfry_alert_deliveries_total", dimensions: [("sink", name), ("result", result)],
        factory: metrics)
    }
    delivered = counter("delivered")
    refused = counter("refused")
    failed = counter("failed")
    dropped = counter("dropped")
  }

  func add(_ alert: SinkAlert) async {
    do {
      let lost = try await NIOThreadPool.singleton.runIfActive { [spool] in try spool.add(alert) }
      if lost > 0 {
        dropped.increment(by: lost)
        // Which ones they were, only their files knew.
        log(.error, "alerts were dropped: the spool is full", ["count": "\(lost)"])
      }
      arrivals.continuation.yield()
    } catch {
      dropped.increment()
      note([alert], .dropped, why: "\(error)")
      log(.error, "an alert could not be kept", ["error": "\(error)", "alert": "\(alert.line)"])
    }
  }

  func run() async {
    var failures = 0
    var events = arrivals.stream.makeAsyncIterator()
    while !Task.isCancelled {
      if spool.count == 0 {
        failures = 0
        guard await events.next() != nil else { return }
        // What it was of may have gone with the last batch.
        if spool.count == 0 { continue }
        if transport.batchMax > 1 { try? await Task.sleep(for: Self.gatherTime) }
        continue
      }
      guard let wait = await deliver(failures) else {
        failures = 0
        continue
      }
      failures += 1
      try? await Task.sleep(for: wait)
    }
  }

  func flush(until end: ContinuousClock.Instant) async {
    while spool.count > 0, ContinuousClock.now < end {
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// One batch. Nil: the next one at once; else how long to wait first.
  private func deliver(_ failures: Int) async -> Duration? {
    let found = await read(transport.batchMax)
    let batch = await withoutEnded(found?.alerts ?? [])
    guard !batch.isEmpty else {
      return found?.problem.map { tryAgain(failures, why: $0, after: nil) }
    }
    let verdict: SinkVerdict
    do {
      verdict = try await transport.deliver(batch.map(\.alert))
    } catch {
      verdict = .again(why: "\(error)", after: nil)
    }
    // An answer counts though we were told to stop meanwhile.
    switch verdict {
    case .delivered:
      spool.remove(batch.map(\.number))
      delivered.increment(by: batch.count)
      note(batch.map(\.alert), .delivered)
      log(.info, "alerts delivered", ["count": "\(batch.count)", "after": "\(failures) failures"])
      return nil
    case .refused, .partly:
      let (refusedOnes, again, why, after) = verdict.parts(of: batch.indices)
      let kept = Set(again)
      spool.remove(batch.indices.filter { !kept.contains($0) }.map { batch[$0].number })
      refused.increment(by: refusedOnes.count)
      delivered.increment(by: batch.count - refusedOnes.count - again.count)
      let gone = Set(refusedOnes).union(again)
      note(batch.indices.filter { !gone.contains($0) }.map { batch[$0].alert }, .delivered)
      note(refusedOnes.map { batch[$0].alert }, .refused, why: why)
      note(again.map { batch[$0].alert }, .failed, why: why)
      if !refusedOnes.isEmpty {
        log(
          .error, "alerts were refused and are dropped",
          ["why": "\(why)", "alerts": "\(refusedOnes.map { batch[$0].alert.line })"])
      }
      return again.isEmpty ? nil : tryAgain(failures, why: why, after: after)
    case .again(let why, let after):
      note(batch.map(\.alert), .failed, why: why)
      return tryAgain(failures, why: why, after: after)
    }
  }

  private func read(_ limit: Int) async -> AlertSpool.Found? {
    let found = try? await NIOThreadPool.singleton.runIfActive { [spool] in spool.first(limit) }
    for (file, why) in found?.damaged ?? [] {
      dropped.increment()
      log(
        .error, "an alert that waited is dropped: its file cannot be used",
        ["file": "\(file)", "why": "\(why)"])
    }
    return found
  }

  func know(open alerts: Set<AlertID>) { open.withLock { $0 = alerts } }

  /// Whose end another coordinator has told meanwhile, since none waits here: told now, it would fire for ever.
  private func withoutEnded(
    _ batch: [(number: UInt64, alert: SinkAlert)]
  ) async -> [(number: UInt64, alert: SinkAlert)] {
    let now = ProcessClock.now().wall
    let doubtful = batch.filter { _, alert in
      alert.isFiring && alert.tags == nil
        && now - WallTime(milliseconds: alert.firedAt) > Self.staleAfter
        && open.withLock { $0.map { !$0.contains(AlertID(alert)) } ?? false }
    }
    guard !doubtful.isEmpty,
      let all = await read(.max)
    else { return batch }
    let ends = Set(all.alerts.filter { !$0.alert.isFiring }.map { AlertID($0.alert) })
    let ended = doubtful.filter { !ends.contains(AlertID($0.alert)) }
    guard !ended.isEmpty else { return batch }
    spool.remove(ended.map(\.number))
    note(
      ended.map(\.alert), .dropped,
      why: "over before it could be delivered; another coordinator told the end")
    log(
      .info, "alerts that are over were not delivered", ["alerts": "\(ended.map(\.alert.line))"])
    let gone = Set(ended.map(\.number))
    return batch.filter { !gone.contains($0.number) }
  }

  var takesNotices: Bool { kind == SinkSettings.Kind.sentry.rawValue }

  var look: SinkLook {
    SinkLook(
      name: name, kind: kind, waiting: spool.count,
      deliveries: deliveries.withLock { $0.reversed() })
  }

  private func note(_ alerts: [SinkAlert], _ result: AlertDelivery.Result, why: String = "") {
    let now = ProcessClock.now().wall
    deliveries.withLock { deliveries in
      for alert in alerts {
        if deliveries.count == Self.deliveriesMax { deliveries.removeFirst() }
        deliveries.append(
          AlertDelivery(
            at: now, alert: AlertID(alert),
            state: alert.isFiring ? .firing : .resolved, result: result, why: why.cut(200)))
      }
    }
  }

  private func tryAgain(_ failures: Int, why: String, after: Duration?) -> Duration {
    failed.increment()
    let wait = max(backoff(failures), min(after ?? .zero, Self.retryAfterMax))
    // Said once a step of the back-off, which is said less and less often.
    log(
      .warning, "alerts not delivered, to be tried again",
      ["why": "\(why)", "in": "\(wait)", "waiting": "\(spool.count)"])
    return wait
  }

  /// 1 s, 2 s, 4 s … 5 min, each up to a fifth longer, so that many coordinators do not come at once.
  private func backoff(_ failures: Int) -> Duration {
    let wait = min(Self.backoffMax, Self.backoffMin * (1 << min(failures, 9)))
    return wait + wait * Double.random(in: 0...0.2)
  }

  private func log(_ level: Logger.Level, _ text: Logger.Message, _ metadata: Logger.Metadata) {
    logger.log(level: level, text, metadata: metadata.merging(["sink": "\(name)"]) { $1 })
  }
}

extension AlertID {
  fileprivate init(_ alert: SinkAlert) { self.init(rule: alert.rule, subject: alert.subject) }
}
