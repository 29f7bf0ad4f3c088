internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation
internal import SwiftProtobuf

struct CheckCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check a running cluster, for probes and monitoring.",
    discussion: """
      live: a coordinator answers. ready: it can do its work. broker, store: RabbitMQ and MongoDB.
      nodes: no node is lost. certs: this identity and the nodes' are valid for a while.

      Examples:

        belfry check ready
        belfry check all --format nagios
        belfry check all --format prometheus > /var/lib/node_exporter/belfry.prom

      Exit status: 0 all is well, 1 an error, 2 warnings only. With --format nagios 0 OK, 1 WARNING, \
      2 CRITICAL, 3 UNKNOWN.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, nagios, prometheus }

  @Argument(
    help: "live, ready, broker, store, nodes, certs or all.",
    completion: .list(["live", "ready", "broker", "store", "nodes", "certs", "all"]))
  var what = "all"
  @Option(help: "text, nagios or prometheus.") var format = Format.text
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard ClusterCheck.names.contains(what) || what == "all" else {
      throw ValidationError(
        "\"\(what)\" is no check: \(ClusterCheck.names.joined(separator: ", ")), all")
    }
  }

  func report() async throws -> Report {
    let results: [ClusterCheck]
    do {
      let place = try await client.access.place()
      let picture = try await client.connected { try await $0.health(within: $1) }
      results = ClusterCheck.all(picture, identity: place.identity, now: Date())
    } catch {
      let shown = UserError(translating: error)
      // What a machine reads must say so, too: for it, no answer is an answer.
      guard format != .text || output.format.isForMachines else { throw error }
      results = [
        ClusterCheck(
          name: "live", state: shown.code.exit == .unavailable ? .error : .unknown,
          text: "\(shown.what): \(shown.why)")
      ]
    }
    let chosen = results.filter { what == "all" || $0.name == what || $0.name == "live" }
    let worst = chosen.map(\.state).max() ?? .unknown
    let document = Document(
      kind: "CheckList",
      fields: [
        ("state", .text(worst.rawValue)),
        (
          "items",
          .list(
            chosen.map {
              .object([
                ("name", .text($0.name)), ("state", .text($0.state.rawValue)),
                ("text", .text($0.text)),
              ])
            })
        ),
      ])
    let format = format
    return Report(
      document, exit: format == .nagios ? worst.nagiosStatus : worst.status
    ) { screen in
      switch format {
      case .text:
        TextTable(
          ["CHECK", "STATE", "TEXT"], chosen.map { [$0.name, $0.state.rawValue, $0.text] }
        ).text(screen)
      case .nagios: ClusterCheck.nagios(chosen, worst)
      case .prometheus: ClusterCheck.prometheus(chosen)
      }
    }
  }
}

/// One thing about a running cluster, and how it is.
struct ClusterCheck: Equatable {
  enum State: String, Comparable {
    case ok, warning, error, unknown

    private var rank: Int {
      switch self {
      case .ok: 0
      case .warning: 1
      case .unknown: 2
      case .error: 3
      }
    }
    static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

    var status: Int32 {
      switch self {
      case .ok: 0
      case .warning: 2
      case .error, .unknown: 1
      }
    }

    /// Of monitoring plugins.
    var nagiosStatus: Int32 {
      switch self {
      case .ok: 0
      case .warning: 1
      case .error: 2
      case .unknown: 3
      }
    }
  }

  static let names = ["live", "ready", "broker", "store", "nodes", "certs"]
  /// A certificate that ends sooner is an error, or a warning.
  private static let (certificateError, certificateWarning) = (48 * 3_600.0, 14 * 86_400.0)

  let name: String
  let state: State
  let text: String

  static func all(
    _ picture: Belfry_V1_HealthUpdate, identity: String, now: Date
  ) -> [ClusterCheck] {
    let parts = picture.parts.map(part)
    let broken = parts.filter { $0.state != .ok }
    // The one that is asked comes first.
    let isLeaving = picture.nodes.first { $0.role == "coordinator" }?.state == "draining"
    let ready = isLeaving ? ["the coordinator is leaving"] : broken.map { "\($0.name): \($0.text)" }
    return [
      ClusterCheck(name: "live", state: .ok, text: "a coordinator of \(picture.cluster) answers"),
      ClusterCheck(
        name: "ready", state: ready.isEmpty ? .ok : .error,
        text: ready.isEmpty ? "it takes jobs" : ready.joined(separator: "; ")),
    ] + parts + [nodes(picture), certificates(picture, identity: identity, now: now)]
  }

  private static func part(_ part: Belfry_V1_PartHealth) -> ClusterCheck {
    ClusterCheck(
      name: part.name,
      state: part.state == "up" ? .ok : part.state == "blocked" ? .warning : .error,
      text: part.reason.isEmpty ? part.state : "\(part.state): \(part.reason)")
  }

  private static func nodes(_ picture: Belfry_V1_HealthUpdate) -> ClusterCheck {
    func names(_ state: String) -> String {
      picture.nodes.filter { $0.state == state }.map(\.name).joined(separator: ", ")
    }
    let workers = picture.nodes.count { $0.role == "worker" && $0.state == "up" }
    if !names("lost").isEmpty {
      return ClusterCheck(name: "nodes", state: .error, text: "lost: \(names("lost"))")
    }
    for state in ["wedged", "one-way", "degraded", "suspect"] where !names(state).isEmpty {
      return ClusterCheck(name: "nodes", state: .warning, text: "\(state): \(names(state))")
    }
    return workers == 0
      ? ClusterCheck(name: "nodes", state: .warning, text: "no worker is up")
      : ClusterCheck(name: "nodes", state: .ok, text: "\(workers) workers are up")
  }

  private static func certificates(
    _ picture: Belfry_V1_HealthUpdate, identity: String, now: Date
  ) -> ClusterCheck {
    var ends: [(name: String, seconds: Double)] = picture.nodes
      .filter { $0.certificateExpiresMs > 0 }
      .map { ($0.name, Double($0.certificateExpiresMs) / 1_000 - now.timeIntervalSince1970) }
    // Who calls over a Unix socket has none.
    if !identity.isEmpty {
      do {
        let files = IdentityFiles(folder: identity)
        let info = try CertificateInfo(pem: files.read().certificatePEM)
        let end = Double(info.validity.notAfterEpochSeconds)
        ends.append(("this identity", end - now.timeIntervalSince1970))
      } catch {
        return ClusterCheck(name: "certs", state: .unknown, text: "\(error)")
      }
    }
    guard let soonest = ends.min(by: { $0.seconds < $1.seconds }) else {
      return ClusterCheck(name: "certs", state: .unknown, text: "none is known")
    }
    let state: State =
      soonest.seconds < certificateError
      ? .error : soonest.seconds < certificateWarning ? .warning : .ok
    let days = Int((soonest.seconds / 86_400).rounded(.down))
    return ClusterCheck(
      name: "certs", state: state,
      text: soonest.seconds < 0
        ? "\(soonest.name): expired" : "\(soonest.name): \(days) days left, the fewest")
  }

  /// One line, as plugins write it; a | would begin performance data.
  static func nagios(_ checks: [ClusterCheck], _ worst: State) -> String {
    let word =
      switch worst {
      case .ok: "OK"
      case .warning: "WARNING"
      case .error: "CRITICAL"
      case .unknown: "UNKNOWN"
      }
    let bad = checks.filter { $0.state != .ok }
    let text = (bad.isEmpty ? checks : bad).map { "\($0.name): \($0.text)" }.joined(separator: "; ")
    let line = "BELFRY \(word) - \(text)".replacing("|", with: "/").replacing("\n", with: " ")
    return Document.Value.harmless(line) + " | failed=\(bad.count)"
  }

  static func prometheus(_ checks: [ClusterCheck]) -> String {
    var family = MetricFamily(
      "belfry_check_ok", .gauge, "Whether a check of belfry check found nothing wrong.")
    for check in checks { family.add(check.state == .ok ? 1 : 0, ("check", check.name)) }
    return String(family.text.dropLast())
  }
}
