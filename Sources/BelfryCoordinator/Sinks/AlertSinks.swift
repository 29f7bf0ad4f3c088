package import BelfryCore
internal import BelfryRPC
package import CoreMetrics
package import Foundation
package import Logging
package import NIOCore

/// The sinks that an operator has named: each has a spool on disk and a task that empties it.
///
/// `send` writes to the spools and returns; what a sink does, or does not, holds up nothing else.
package final class AlertSinks: AlertSink {
  private let lines: [SinkLine]
  private let cluster: String
  private let node: String
  private let logger: Logger

  /// - Parameters:
  ///   - folder: where the spools are, one folder a sink; made when missing.
  ///   - release: who we say we are, `belfry@0.1.0`.
  /// - Throws: when a spool cannot be made, or a CA file cannot be used.
  package init(
    _ settings: [SinkSettings], folder: URL, cluster: String, node: String, release: String,
    group: any EventLoopGroup, logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory
  ) throws {
    self.cluster = cluster
    self.node = node
    let logger = logger.of(.alerts)
    self.logger = logger
    lines = try settings.map { sink in
      SinkLine(
        name: sink.name, kind: sink.kind.rawValue,
        spool: try AlertSpool(folder: folder.appending(path: sink.name)),
        transport: try sink.transport(release: release, group: group), logger: logger,
        metrics: metrics)
    }
  }

  package func send(_ alert: Alert) async {
    let alert = SinkAlert(alert, cluster: cluster, node: node)
    for line in lines { await line.add(alert) }
  }

  /// Where errors are collected.
  package func tell(_ notice: Notice) async {
    let notice = SinkAlert(notice, cluster: cluster, node: node)
    for line in lines where line.takesNotices { await line.add(notice) }
  }

  package func know(open alerts: [Alert]) {
    // More than are read may be open.
    guard alerts.count < AlertDesk.unrecordedMax else { return }
    let ids = Set(alerts.map(\.id))
    for line in lines { line.know(open: ids) }
  }

  package var looks: [SinkLook] { lines.map(\.look) }

  /// Delivers until cancelled. What is not delivered then stays on disk.
  package func run() async {
    await withDiscardingTaskGroup { tasks in
      for line in lines { tasks.addTask { await line.run() } }
    }
  }

  /// Returns when nothing waits, or after the time.
  package func flush(within limit: Duration) async {
    let end = ContinuousClock.now + limit
    for line in lines { await line.flush(until: end) }
  }

  /// Until when Alertmanager lets a test alert fire: it tells nobody of one that is over before its
  /// first notification.
  package static let testEndsAfter = Duration.seconds(300)

  /// Sends an alert that fires, and then its end, through each sink, now and past the spools;
  /// Alertmanager ends it by itself. Answers what came of it, nil for a delivery.
  package static func test(
    _ settings: [SinkSettings], _ alert: Alert, cluster: String, node: String, release: String,
    group: any EventLoopGroup
  ) async -> [(sink: SinkSettings, failure: String?)] {
    var over = alert
    over.state = .resolved
    over.resolvedAt = alert.firedAt
    var results: [(SinkSettings, String?)] = []
    for sink in settings {
      var failure: String?
      do {
        let transport = try sink.transport(
          release: release, group: group, firingEndsAfter: testEndsAfter)
        for alert in sink.kind == .alertmanager ? [alert] : [alert, over] where failure == nil {
          switch try await transport.deliver([SinkAlert(alert, cluster: cluster, node: node)]) {
          case .delivered: break
          case .again(let why, _), .refused(let why), .partly(_, _, let why, _): failure = why
          }
        }
      } catch {
        failure = "\(error)"
      }
      results.append((sink, failure))
    }
    return results
  }
}
