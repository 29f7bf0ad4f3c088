internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import Foundation

/// Which cluster, and as whom.
struct ClientOptions: ParsableArguments {
  @Option(help: "A coordinator, https://host:port or unix:/path (BELFRY_SERVER).")
  var server: String?

  @Option(
    help:
      "Folder with ca.pem, identity.pem and identity.key, role operator or producer (BELFRY_IDENTITY)."
  )
  var identity: String?

  @Option(
    help: "A context, see belfry context (BELFRY_CONTEXT). [default: the current one]",
    completion: .custom { _, _, _ in Completion.contexts() })
  var context: String?

  @Option(
    help:
      "The Unix socket of a coordinator of this machine (BELFRY_SOCKET). [default: without context and server, the one there is]"
  )
  var socket: String?

  @OptionGroup var files: ConfigurationOptions

  @Option(help: "How long to wait for an answer.")
  var timeout = DurationOption(.seconds(30))

  var access: ClientAccess {
    ClientAccess(
      server: socket.map { ServerSocket.scheme + $0 } ?? server, identity: identity,
      context: context, file: files.file)
  }

  /// Runs a body with a client, and the time that an answer may take; closes the client.
  func connected<Result>(
    _ body: (BelfryClient, Duration) async throws -> Result
  ) async throws -> Result {
    do {
      return try await access.connected { try await body($0, timeout.duration) }
    } catch let error as BelfryError where error.code == .deadlineExceeded {
      throw UserError(
        .timeout, "no answer from the coordinator within \(timeout.duration.shortText)",
        why: error.message, next: ["--timeout 5m waits longer", "belfry health, belfry doctor"])
    }
  }
}

extension BelfryClient {
  /// The cluster's health, of a coordinator that serves this lane.
  func health(serving lane: String, within limit: Duration) async throws -> Belfry_V1_HealthUpdate {
    let health = try await health(within: limit)
    guard health.lanes.contains(where: { $0.name == lane }) else {
      throw UserError(
        .noSuchLane, "no lane \"\(lane)\"", why: "this coordinator does not serve it",
        next: ["belfry lane list"])
    }
    return health
  }
}
