import BelfryAPI
import BelfryRPC
import Foundation
import NIOCore
import SwiftProtobuf
import Testing

/// Typed calls of every shape over a real connection, in both codecs.
@Suite struct TypedCallTests {
  static let job = Belfry_V1_SubmitRequest.with {
    $0.job.id = "job-1"
    $0.job.kind = "print ☂"
    $0.job.payload = Data([0, 255, 128])
  }

  static func options(_ encoding: MessageEncoding) -> RPCCallOptions {
    RPCCallOptions(timeout: .seconds(10), encoding: encoding)
  }

  static func register(_ router: inout RPCRouter) {
    router.unary(JobsService.submit) { (context, request) throws(RPCStatus) in
      guard request == job else { throw RPCStatus(.notFound, "another job") }
      return .with { $0.id = request.job.id + " \(context.encoding)" }
    }
    router.unaryAsync(JobsService.get) { _, request in
      await Task.yield()
      guard request.id != "none" else { throw RPCStatus(.notFound, "nobody knows it") }
      return .with {
        $0.id = request.id
        $0.outcome.result = Data([7])
      }
    }
    router.serverStream(ClusterService.watchHealth) { _, _, writer in
      for cursor in UInt64(1)...5 {
        try await writer.sendWhenFree(.with { $0.cursor = cursor })
      }
    }
  }

  @Test(arguments: MessageEncoding.allCases) func unary(encoding: MessageEncoding) async throws {
    try await TestServer.with(Self.register) { client in
      let jobs = JobsClient(client)
      let reply = try await jobs.submit(Self.job, options: Self.options(encoding))
      #expect(reply.id == "job-1 \(encoding)")
      let view = try await jobs.get(.with { $0.id = "a" }, options: Self.options(encoding))
      #expect(view.outcome.result == Data([7]))
      let error = await #expect(throws: RPCStatus.self) {
        try await jobs.get(.with { $0.id = "none" }, options: Self.options(encoding))
      }
      #expect(error?.code == .notFound)
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func serverStream(encoding: MessageEncoding) async throws {
    try await TestServer.with(Self.register) { client in
      let updates = ClusterClient(client).watchHealth(.init(), options: Self.options(encoding))
      var cursors: [UInt64] = []
      for try await update in updates { cursors.append(update.cursor) }
      #expect(cursors == [1, 2, 3, 4, 5])
    }
  }

  @Test func aMethodThatIsNotRegisteredIsUnimplemented() async throws {
    try await TestServer.with(Self.register) { client in
      let error = await #expect(throws: RPCStatus.self) {
        try await JobsClient(client).await(.init(), options: Self.options(.belfry))
      }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func aRequestThatCannotBeReadIsAnInvalidArgument(encoding: MessageEncoding) async throws {
    try await TestServer.with(Self.register) { client in
      for method in [JobsService.submit.descriptor, JobsService.get.descriptor] {
        let error = await #expect(throws: RPCStatus.self) {
          try await client.unary(
            method, ByteBuffer(bytes: [0xFF, 0xFF, 0xFF]), options: Self.options(encoding))
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("Request") == true)
      }
      let replies = client.serverStream(
        ClusterService.watchHealth.descriptor, ByteBuffer(bytes: [0xFF]),
        options: Self.options(encoding))
      let error = await #expect(throws: RPCStatus.self) { for try await _ in replies {} }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test func anAnswerThatCannotBeReadIsTheServersFault() async throws {
    try await TestServer.with { router in
      router.register(
        JobsService.submit.descriptor,
        .unary { (_, _) throws(RPCStatus) -> ByteBuffer in ByteBuffer(bytes: [1, 2]) })
      router.register(
        ClusterService.watchHealth.descriptor,
        .serverStream { _, _, writer in try await writer.sendWhenFree(ByteBuffer(bytes: [1])) })
    } _: { client in
      let error = await #expect(throws: RPCStatus.self) {
        try await JobsClient(client).submit(Self.job, options: Self.options(.belfry))
      }
      #expect(error?.code == .internal)
      let updates = ClusterClient(client).watchHealth(.init(), options: Self.options(.belfry))
      let second = await #expect(throws: RPCStatus.self) { for try await _ in updates {} }
      #expect(second?.code == .internal)
    }
  }

  @Test func methodsHaveTheSchemasNames() {
    let all =
      JobsService.methods + SessionService.methods + ClusterService.methods
      + SchedulesService.methods + MembershipService.methods
    #expect(
      all.map(\.path) == [
        "/belfry.v1.Jobs/Submit", "/belfry.v1.Jobs/SubmitMany", "/belfry.v1.Jobs/Get",
        "/belfry.v1.Jobs/Await", "/belfry.v1.Jobs/Result", "/belfry.v1.Jobs/Cancel",
        "/belfry.v1.Jobs/Find",
        "/belfry.v1.Jobs/Retry", "/belfry.v1.Jobs/Forget", "/belfry.v1.Session/Connect",
        "/belfry.v1.Cluster/WatchHealth",
        "/belfry.v1.Cluster/GetHealth", "/belfry.v1.Cluster/SetLane",
        "/belfry.v1.Cluster/PurgeLane", "/belfry.v1.Cluster/AttachQueue",
        "/belfry.v1.Cluster/DetachQueue", "/belfry.v1.Cluster/ListAttachedQueues",
        "/belfry.v1.Cluster/CordonNode",
        "/belfry.v1.Cluster/LabelNode",
        "/belfry.v1.Cluster/ListAlerts", "/belfry.v1.Cluster/AcknowledgeAlert",
        "/belfry.v1.Cluster/CreateSilence", "/belfry.v1.Cluster/ListSilences",
        "/belfry.v1.Cluster/EndSilence",
        "/belfry.v1.Schedules/Put", "/belfry.v1.Schedules/List", "/belfry.v1.Schedules/Remove",
        "/belfry.v1.Membership/Greet", "/belfry.v1.Membership/Enroll",
        "/belfry.v1.Membership/Renew", "/belfry.v1.Membership/CreateToken",
        "/belfry.v1.Membership/ListTokens", "/belfry.v1.Membership/RevokeToken",
        "/belfry.v1.Membership/ListNodes", "/belfry.v1.Membership/RevokeNode",
        "/belfry.v1.Membership/RemoveNode", "/belfry.v1.Membership/Leave",
        "/belfry.v1.Membership/ListAudit",
      ])
  }
}
