package import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import SwiftProtobuf

/// Alerts and silences, for operators.
extension BelfryClient {
  /// - Parameter resolvedWithin: also those that ended so long ago at most.
  package func alerts(
    resolvedWithin: Duration, within timeout: Duration
  ) async throws -> Belfry_V1_ListAlertsReply {
    let request = Belfry_V1_ListAlertsRequest.with {
      $0.resolvedWithinMs = resolvedWithin.millisecondsClamped
    }
    return try await call(ClusterService.listAlerts, request, timeout)
  }

  package func acknowledgeAlert(
    _ rule: String, _ subject: String, note: String, within timeout: Duration
  ) async throws -> Belfry_V1_AlertView {
    let request = Belfry_V1_AcknowledgeAlertRequest.with {
      $0.rule = rule
      $0.subject = subject
      $0.note = note
    }
    return try await call(ClusterService.acknowledgeAlert, request, timeout)
  }

  package func createSilence(
    _ request: Belfry_V1_CreateSilenceRequest, within timeout: Duration
  ) async throws -> Belfry_V1_SilenceView {
    try await call(ClusterService.createSilence, request, timeout)
  }

  package func silences(within timeout: Duration) async throws -> [Belfry_V1_SilenceView] {
    try await call(
      ClusterService.listSilences, Belfry_V1_ListSilencesRequest(), timeout
    ).silences
  }

  package func endSilence(
    _ id: String, within timeout: Duration
  ) async throws -> Belfry_V1_SilenceView {
    try await call(ClusterService.endSilence, .with { $0.id = id }, timeout)
  }
}
