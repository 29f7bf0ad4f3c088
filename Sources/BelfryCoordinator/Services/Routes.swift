internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import SwiftProtobuf

/// Methods to services. What only operators may do, and changes something, goes through the audit log.
enum Routes {
  static func register(_ jobs: JobsService, _ audit: AuditLog, in router: inout RPCRouter) {
    router.unaryAsync(BelfryAPI.JobsService.submit) { try await jobs.submit($1) }
    router.unaryAsync(BelfryAPI.JobsService.submitMany) { try await jobs.submitMany($1) }
    router.unaryAsync(BelfryAPI.JobsService.get) { try await jobs.get($1) }
    router.unaryAsync(BelfryAPI.JobsService.await) { try await jobs.await($1) }
    router.serverStream(BelfryAPI.JobsService.result) { _, request, writer in
      try await jobs.result(request) { try await writer.sendWhenFree($0) }
    }
    router.unaryAsync(BelfryAPI.JobsService.cancel) { context, request in
      try await jobs.cancel(request, by: context.peerName)
    }
    router.serverStream(BelfryAPI.JobsService.find) { _, request, writer in
      try await jobs.find(request) { try await writer.sendWhenFree($0) }
    }
    router.unaryAsync(BelfryAPI.JobsService.retry) { context, request in
      if request.dryRun { return try await jobs.retry(request) }
      return try await audit.during(.jobs("job.retry", request.filter), by: context) {
        try await jobs.retry(request)
      }
    }
    router.unaryAsync(BelfryAPI.JobsService.forget) { context, request in
      if request.dryRun { return try await jobs.forget(request) }
      return try await audit.during(.jobs("job.forget", request.filter), by: context) {
        try await jobs.forget(request)
      }
    }
  }

  static func register(
    _ cluster: ClusterService, _ audit: AuditLog, in router: inout RPCRouter
  ) {
    router.unaryAsync(BelfryAPI.ClusterService.getHealth) { _, _ in await cluster.picture() }
    router.unaryAsync(BelfryAPI.ClusterService.setLane) { context, request in
      let action = AuditLog.Action(
        name: request.paused ? "lane.pause" : "lane.resume", subject: request.name,
        detail: request.reason)
      return try await audit.during(action, by: context) {
        try await cluster.setLane(request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.ClusterService.purgeLane) { context, request in
      if request.dryRun { return try await cluster.purge(request, by: context.peerName) }
      return try await audit.during(
        AuditLog.Action(name: "lane.purge", subject: request.name), by: context
      ) { try await cluster.purge(request, by: context.peerName) }
    }
    router.unaryAsync(BelfryAPI.ClusterService.attachQueue) { context, request in
      let action = AuditLog.Action(
        name: "queue.attach", subject: request.queue.cut(QueueAttachment.nameBytesMax),
        detail: "as \(request.kind.cut(128))")
      return try await audit.during(action, by: context) {
        try await cluster.attach(request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.ClusterService.detachQueue) { context, request in
      let action = AuditLog.Action(
        name: "queue.detach", subject: request.queue.cut(QueueAttachment.nameBytesMax))
      return try await audit.during(action, by: context) { try await cluster.detach(request) }
    }
    router.unaryAsync(BelfryAPI.ClusterService.listAttachedQueues) { _, _ in
      try await cluster.attachedQueues()
    }
    router.unaryAsync(BelfryAPI.ClusterService.cordonNode) { context, request in
      let action = AuditLog.Action(
        name: request.cordoned ? "node.cordon" : "node.uncordon", subject: request.name,
        detail: request.reason)
      return try await audit.during(action, by: context) {
        try await cluster.cordon(request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.ClusterService.labelNode) { context, request in
      let action = AuditLog.Action(
        name: "node.label", subject: request.name,
        detail: (request.set.map { "\($0.key)=\($0.value)" } + request.remove.map { "\($0)-" })
          .joined(separator: " "))
      return try await audit.during(action, by: context) { try await cluster.label(request) }
    }
    router.serverStream(BelfryAPI.ClusterService.watchHealth) { _, request, writer in
      try await cluster.watchHealth(request) { try await writer.sendWhenFree($0) }
    }
  }

  static func register(
    _ alerts: AlertsService, _ audit: AuditLog, in router: inout RPCRouter
  ) {
    router.unaryAsync(BelfryAPI.ClusterService.listAlerts) { await alerts.list($1) }
    router.unaryAsync(BelfryAPI.ClusterService.acknowledgeAlert) { context, request in
      let action = AuditLog.Action(
        name: "alert.acknowledge", subject: "\(request.rule)/\(request.subject)",
        detail: request.note)
      return try await audit.during(action, by: context) {
        try await alerts.acknowledge(request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.ClusterService.createSilence) { context, request in
      let action = AuditLog.Action(
        name: "alert.silence", subject: request.match,
        detail: "for \(request.forMs / 1_000) s: \(request.reason)")
      return try await audit.during(action, by: context) {
        try await alerts.silence(request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.ClusterService.listSilences) { _, _ in
      try await alerts.silences()
    }
    router.unaryAsync(BelfryAPI.ClusterService.endSilence) { context, request in
      let action = AuditLog.Action(name: "alert.unsilence", subject: request.id)
      return try await audit.during(action, by: context) {
        try await alerts.end(request, by: context.peerName)
      }
    }
  }

  static func register(
    _ schedules: SchedulesService, _ audit: AuditLog, in router: inout RPCRouter
  ) {
    router.unaryAsync(BelfryAPI.SchedulesService.put) { context, request in
      let action = AuditLog.Action(
        name: "schedule.put", subject: request.name, detail: request.cron)
      return try await audit.during(action, by: context) { try await schedules.put(request) }
    }
    router.unaryAsync(BelfryAPI.SchedulesService.list) { _, _ in try await schedules.list() }
    router.unaryAsync(BelfryAPI.SchedulesService.remove) { context, request in
      let action = AuditLog.Action(name: "schedule.remove", subject: request.name)
      return try await audit.during(action, by: context) { try await schedules.remove(request) }
    }
  }

  static func register(
    _ membership: MembershipService, _ audit: AuditLog, in router: inout RPCRouter
  ) {
    router.unary(BelfryAPI.MembershipService.greet) { _, _ in membership.greet() }
    router.unaryAsync(BelfryAPI.MembershipService.enroll) { context, request in
      try await membership.enroll(
        request, binding: context.binding, from: context.peerAddress, audit)
    }
    router.unaryAsync(BelfryAPI.MembershipService.renew) { context, request in
      guard let person = context.peer, person.role != .worker else {
        return try await membership.renew(
          request, peer: context.peer, binding: context.binding, from: context.peerAddress, audit)
      }
      let action = AuditLog.Action(name: "certificate.renew", subject: person.name)
      return try await audit.during(action, by: context) {
        try await membership.renew(request, of: person)
      }
    }
    router.unaryAsync(BelfryAPI.MembershipService.createToken) { context, request in
      // Before it is in the store, so that its id is in the entry whatever becomes of it.
      let token = try membership.newToken()
      let action = AuditLog.Action(
        name: "token.create", subject: token.id, detail: MembershipService.words(for: request))
      return try await audit.during(action, by: context) {
        try await membership.keep(token, request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.MembershipService.listTokens) { _, _ in
      try await membership.tokens()
    }
    router.unaryAsync(BelfryAPI.MembershipService.revokeToken) { context, request in
      let action = AuditLog.Action(name: "token.revoke", subject: request.id)
      return try await audit.during(action, by: context) {
        try await membership.revokeToken(request)
      }
    }
    router.unaryAsync(BelfryAPI.MembershipService.listNodes) { try await membership.nodes($1) }
    router.unaryAsync(BelfryAPI.MembershipService.revokeNode) { context, request in
      let action = AuditLog.Action(
        name: "node.revoke", subject: request.name, detail: request.reason)
      return try await audit.during(action, by: context) {
        try await membership.revoke(request, by: context.peerName)
      }
    }
    router.unaryAsync(BelfryAPI.MembershipService.removeNode) { context, request in
      let action = AuditLog.Action(name: "node.remove", subject: request.name)
      return try await audit.during(action, by: context) { try await membership.remove(request) }
    }
    router.unaryAsync(BelfryAPI.MembershipService.leave) { context, _ in
      let name = context.peer?.name ?? ""
      return try await audit.during(AuditLog.Action(name: "node.leave", subject: name), by: context)
      {
        try await membership.remove(.with { $0.name = name })
      }
    }
    router.unaryAsync(BelfryAPI.MembershipService.listAudit) {
      try await membership.auditEntries($1)
    }
  }

  static func registerSession(
    _ shell: CoreShell, _ directory: NodeDirectory, _ logger: Logger, in router: inout RPCRouter
  ) {
    router.events(BelfryAPI.SessionService.connect) { context, writer in
      SessionStream(
        shell: shell, directory: directory, writer: writer, peer: context.peer,
        address: context.remoteAddress?.description ?? "", heartbeatKey: context.heartbeatKey,
        logger: logger)
    }
  }
}

extension AuditLog.Action {
  /// Of jobs that a filter names.
  fileprivate static func jobs(_ name: String, _ filter: Belfry_V1_FindRequest) -> Self {
    let ids = filter.ids.prefix(8).joined(separator: ",")
    // What is not set is not in it.
    let rest = (try? filter.jsonString()) ?? ""
    return Self(name: name, subject: ids, detail: rest)
  }
}
