import BelfryAPI
import BelfryCoordinator
import BelfryNet
import BelfryRPC
import Testing

/// Every role by every method. The table is written out here once more: a method that is added, or a
/// row that changes, has to be thought about twice.
@Suite struct RolesTests {
  typealias Role = PeerIdentity.Role

  static let table: [(path: String, roles: Set<Role>)] = [
    ("/belfry.v1.Jobs/Submit", [.producer, .operator]),
    ("/belfry.v1.Jobs/SubmitMany", [.producer, .operator]),
    ("/belfry.v1.Jobs/Get", [.producer, .operator]),
    ("/belfry.v1.Jobs/Await", [.producer, .operator]),
    ("/belfry.v1.Jobs/Result", [.producer, .operator]),
    ("/belfry.v1.Jobs/Cancel", [.producer, .operator]),
    ("/belfry.v1.Jobs/Find", [.producer, .operator]),
    ("/belfry.v1.Jobs/Retry", [.operator]),
    ("/belfry.v1.Jobs/Forget", [.operator]),
    ("/belfry.v1.Cluster/SetLane", [.operator]),
    ("/belfry.v1.Cluster/PurgeLane", [.operator]),
    ("/belfry.v1.Cluster/AttachQueue", [.operator]),
    ("/belfry.v1.Cluster/DetachQueue", [.operator]),
    ("/belfry.v1.Cluster/ListAttachedQueues", [.operator]),
    ("/belfry.v1.Cluster/CordonNode", [.operator]),
    ("/belfry.v1.Cluster/LabelNode", [.operator]),
    ("/belfry.v1.Cluster/ListAlerts", [.operator]),
    ("/belfry.v1.Cluster/AcknowledgeAlert", [.operator]),
    ("/belfry.v1.Cluster/CreateSilence", [.operator]),
    ("/belfry.v1.Cluster/ListSilences", [.operator]),
    ("/belfry.v1.Cluster/EndSilence", [.operator]),
    ("/belfry.v1.Schedules/Put", [.operator]),
    ("/belfry.v1.Schedules/List", [.operator]),
    ("/belfry.v1.Schedules/Remove", [.operator]),
    ("/belfry.v1.Session/Connect", [.worker]),
    ("/belfry.v1.Membership/Greet", Set(Role.allCases)),
    ("/belfry.v1.Membership/Enroll", []),
    ("/belfry.v1.Membership/Renew", [.worker, .operator, .producer]),
    ("/belfry.v1.Membership/CreateToken", [.operator]),
    ("/belfry.v1.Membership/ListTokens", [.operator]),
    ("/belfry.v1.Membership/RevokeToken", [.operator]),
    ("/belfry.v1.Membership/ListNodes", [.operator]),
    ("/belfry.v1.Membership/RevokeNode", [.operator]),
    ("/belfry.v1.Membership/RemoveNode", [.operator]),
    ("/belfry.v1.Membership/ListAudit", [.operator]),
    ("/belfry.v1.Membership/Leave", [.worker]),
    ("/belfry.v1.Cluster/WatchHealth", [.operator, .coordinator]),
    ("/belfry.v1.Cluster/GetHealth", [.operator, .coordinator]),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Set(Role.allCases)),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Set(Role.allCases)),
    ("/grpc.health.v1.Health/Check", Set(Role.allCases)),
    ("/grpc.health.v1.Health/List", Set(Role.allCases)),
    ("/grpc.health.v1.Health/Watch", Set(Role.allCases)),
    ("/belfry.v1.Tomorrow/Method", []),
  ]

  @Test func theTableHasEveryMethodOfTheSchema() {
    let paths = Set(Self.table.map(\.path))
    for method in JobsService.methods + SessionService.methods + ClusterService.methods
      + SchedulesService.methods + MembershipService.methods
    {
      #expect(paths.contains(method.path), "\(method.path) is missing")
    }
  }

  @Test(arguments: table, Role.allCases)
  func role(_ row: (path: String, roles: Set<Role>), _ role: Role) throws {
    let peer = PeerIdentity(cluster: "test", role: role, name: "p", notAfter: 0)
    let refusal = Roles.refusal(try method(row.path), peer)
    guard !row.roles.contains(role) else {
      #expect(refusal == nil)
      return
    }
    let status = try #require(refusal)
    #expect(status.code == .permissionDenied)
    #expect(status.message.contains("the certificate has role \(role.rawValue)"))
    for needed in row.roles { #expect(status.message.contains(needed.rawValue)) }
  }

  @Test(arguments: table)
  func stranger(_ row: (path: String, roles: Set<Role>)) throws {
    let refusal = Roles.refusal(try method(row.path), nil)
    let isOpen =
      row.path.hasPrefix("/grpc.health.v1.Health/")
      || ["Greet", "Enroll", "Renew"].contains { row.path == "/belfry.v1.Membership/\($0)" }
    #expect(refusal?.code == (isOpen ? nil : .unauthenticated))
  }

  private func method(_ path: String) throws -> MethodDescriptor {
    let parts = path.split(separator: "/").map(String.init)
    try #require(parts.count == 2)
    return MethodDescriptor(service: parts[0], method: parts[1])
  }
}
