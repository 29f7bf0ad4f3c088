package import BelfryNet
package import BelfryRPC

/// Which role may call which method: a fixed table. A peer without a certificate may ask for the
/// server's health, as probes do, and for a certificate, and call nothing else.
package enum Roles {
  static func allowed(_ method: MethodDescriptor) -> [PeerIdentity.Role] {
    switch (method.service, method.method) {
    case ("belfry.v1.Session", _): [.worker]
    case ("belfry.v1.Membership", "Greet"): PeerIdentity.Role.allCases
    case ("belfry.v1.Membership", "Enroll"): []
    case ("belfry.v1.Membership", "Leave"): [.worker]
    case ("belfry.v1.Membership", "Renew"): [.worker, .operator, .producer]
    case ("belfry.v1.Membership", _): [.operator]
    case ("belfry.v1.Jobs", "Retry"), ("belfry.v1.Jobs", "Forget"): [.operator]
    case ("belfry.v1.Cluster", "SetLane"), ("belfry.v1.Cluster", "PurgeLane"),
      ("belfry.v1.Cluster", "AttachQueue"), ("belfry.v1.Cluster", "DetachQueue"),
      ("belfry.v1.Cluster", "ListAttachedQueues"),
      ("belfry.v1.Cluster", "CordonNode"),
      ("belfry.v1.Cluster", "LabelNode"), ("belfry.v1.Cluster", "ListAlerts"),
      ("belfry.v1.Cluster", "AcknowledgeAlert"), ("belfry.v1.Cluster", "CreateSilence"),
      ("belfry.v1.Cluster", "ListSilences"), ("belfry.v1.Cluster", "EndSilence"):
      [.operator]
    case ("belfry.v1.Schedules", _): [.operator]
    case ("belfry.v1.Jobs", _): [.producer, .operator]
    case ("belfry.v1.Cluster", _): [.operator, .coordinator]
    case ("grpc.reflection.v1.ServerReflection", _),
      ("grpc.reflection.v1alpha.ServerReflection", _):
      PeerIdentity.Role.allCases
    default: []
    }
  }

  /// What who has no certificate may call of `belfry.v1.Membership`, to get one.
  private static let strangers: Set<String> = ["Greet", "Enroll", "Renew"]

  package static func refusal(_ method: MethodDescriptor, _ peer: PeerIdentity?) -> RPCStatus? {
    if method.service == "grpc.health.v1.Health" { return nil }
    guard let peer else {
      if method.service == "belfry.v1.Membership", strangers.contains(method.method) { return nil }
      return RPCStatus(.unauthenticated, "\(method.path) needs a client certificate")
    }
    let roles = allowed(method)
    if roles.contains(peer.role) { return nil }
    let needed = roles.map(\.rawValue).joined(separator: " or ")
    return RPCStatus(
      .permissionDenied,
      "\(method.path) needs role \(needed.isEmpty ? "(none has it)" : needed); "
        + "the certificate has role \(peer.role.rawValue)")
  }
}
