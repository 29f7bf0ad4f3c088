internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import SwiftProtobuf

/// Foreign queues that people attach. Written first, then read back: what this coordinator does is what all
/// others will do.
extension ClusterService {
  func attach(
    _ request: Belfry_V1_AttachQueueRequest, by who: String
  ) async throws -> Belfry_V1_AttachedQueue {
    let wanted = try await read(request, by: who)
    if let old = attached.settings.first(where: { $0.queue == wanted.queue }) {
      try Self.check(old, isSameAs: wanted)
    }
    let id = DerivedID.attachment(of: wanted.queue)
    let stored = try answer(await store.allRecords(.attachments))
    if !stored.contains(where: { $0.id == id }) {
      guard stored.count < QueueAttachment.countMax else {
        throw RPCStatus(
          .failedPrecondition,
          "\(stored.count) queues are attached, and at most \(QueueAttachment.countMax) may be: detach one first (belfry lane "
            + "attachments lists them)")
      }
      // False: somebody was quicker, and theirs counts.
      guard await store.create(wanted.stored(as: id)) != nil else {
        throw MembershipService.silence
      }
    }
    guard let record = try answer(await store.record(.attachments, id)) else {
      throw RPCStatus(.aborted, "it was left by somebody at the same time: ask again")
    }
    guard let kept = QueueAttachment(record) else {
      throw RPCStatus(
        .failedPrecondition,
        "it is attached, and what the store has of it cannot be read: detach it first")
    }
    try Self.check(kept, isSameAs: wanted)
    try await takeAttachments()
    await untilConsumed(kept.queue)
    return await view(kept)
  }

  /// A moment, so that who asks hears whether it is consumed: what was not there is tried every two seconds.
  private func untilConsumed(_ queue: String) async {
    for _ in 0..<50 {
      if await shell.isConsumed(queue) { return }
      guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { return }
    }
  }

  func detach(
    _ request: Belfry_V1_DetachQueueRequest
  ) async throws -> Belfry_V1_AttachedQueue {
    let name = request.queue.cut(QueueAttachment.nameBytesMax)
    let ours = attached.settings.first { $0.queue == request.queue }
    guard
      let record = try answer(
        await store.record(.attachments, DerivedID.attachment(of: request.queue)))
    else {
      guard ours == nil else {
        throw RPCStatus(
          .failedPrecondition,
          "queue \"\(name)\" is attached by this coordinator's settings: take it out of them (--attach, "
            + "coordinator.attach), and start it anew")
      }
      throw RPCStatus(.notFound, "queue \"\(name)\" is not attached")
    }
    guard await store.remove(record) != nil else { throw MembershipService.silence }
    try await takeAttachments()
    // This coordinator goes on by its settings.
    if let ours { return await view(ours) }
    guard let old = QueueAttachment(record) else { return .with { $0.queue = request.queue } }
    return await view(old)
  }

  /// Also those of lanes that this coordinator does not serve.
  func attachedQueues() async throws -> Belfry_V1_ListAttachedQueuesReply {
    let stored = try answer(await store.allRecords(.attachments)).compactMap(QueueAttachment.init)
    let others = stored.filter { one in !attached.settings.contains { $0.queue == one.queue } }
    var reply = Belfry_V1_ListAttachedQueuesReply()
    for one in (attached.settings + others).sorted(by: { $0.queue < $1.queue }) {
      reply.queues.append(await view(one))
    }
    return reply
  }

  private func read(
    _ request: Belfry_V1_AttachQueueRequest, by who: String
  ) async throws -> QueueAttachment {
    if let complaint = QueueAttachment.complaint(ofName: request.queue) {
      throw RPCStatus(.invalidArgument, complaint)
    }
    guard let kind = Kind(request.kind) else {
      throw RPCStatus(.invalidArgument, "\"\(request.kind.cut(64))\" is no kind of job")
    }
    let name = request.lane.isEmpty ? Lane.default.text : request.lane
    guard let lane = Lane(name), await shell.lane(lane) != nil else {
      throw RPCStatus(.notFound, "this coordinator serves no lane \"\(name.cut(64))\"")
    }
    return QueueAttachment(
      queue: request.queue, kind: kind, lane: lane, usesMessageID: request.usesMessageID, by: who,
      since: shell.clock.now().wall)
  }

  private static func check(
    _ kept: QueueAttachment, isSameAs wanted: QueueAttachment
  ) throws(RPCStatus) {
    guard kept.isSame(as: wanted) else {
      throw RPCStatus(
        .failedPrecondition,
        "queue \"\(kept.queue)\" is attached already: its messages become jobs of kind \(kept.kind) in lane "
          + "\(kept.lane)\(kept.usesMessageID ? ", and their ids count" : ""); detach it first")
    }
  }

  private func takeAttachments() async throws {
    let stored = try answer(await store.allRecords(.attachments)).compactMap(QueueAttachment.init)
    await shell.take(attached: attached.use(stored))
  }

  private func view(_ one: QueueAttachment) async -> Belfry_V1_AttachedQueue {
    let isConsumed = await shell.isConsumed(one.queue)
    return .with {
      $0.queue = one.queue
      $0.kind = one.kind.text
      $0.lane = one.lane.text
      $0.usesMessageID = one.usesMessageID
      $0.consumed = isConsumed
      $0.by = one.by
      $0.sinceMs = one.since?.milliseconds ?? 0
    }
  }
}
