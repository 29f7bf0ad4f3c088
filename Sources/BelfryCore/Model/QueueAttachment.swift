/// A queue that is not Belfry's, whose messages become jobs of one kind.
///
/// By a coordinator's settings, for as long as it runs, or told to any coordinator and kept in the store, for
/// all of them.
package struct QueueAttachment: Sendable, Equatable {
  /// AMQP's own limit for a name.
  package static let nameBytesMax = 255
  package static let prefetch = 1_000
  /// Each takes a channel of every coordinator's connection.
  package static let countMax = 256
  /// Ours are not foreign, and the broker's own are nobody's.
  private static let reserved = ["belfry.", "amq."]

  package let queue: String
  package let kind: Kind
  package let lane: Lane
  /// The message's id counts: the same id is the same job.
  package let usesMessageID: Bool
  /// The certificate's name of who did it, and when; empty and nil: it is in a coordinator's settings.
  package let by: String
  package let since: WallTime?

  package init(
    queue: String, kind: Kind, lane: Lane, usesMessageID: Bool, by: String = "",
    since: WallTime? = nil
  ) {
    self.queue = queue
    self.kind = kind
    self.lane = lane
    self.usesMessageID = usesMessageID
    self.by = by
    self.since = since
  }

  /// Why this can be no foreign queue's name; nil when it can.
  package static func complaint(ofName name: String) -> String? {
    if name.isEmpty { return "a queue has a name" }
    if name.utf8.count > nameBytesMax {
      return "the name of a queue has at most \(nameBytesMax) bytes"
    }
    return reserved.first(where: name.hasPrefix).map {
      "names that begin with \($0) are no foreign queues'"
    }
  }

  /// They make the same jobs, whoever wrote them.
  package func isSame(as other: QueueAttachment) -> Bool {
    queue == other.queue && kind == other.kind && lane == other.lane
      && usesMessageID == other.usesMessageID
  }
}

extension QueueAttachment {
  package init?(_ record: StoredRecord) {
    guard record.collection == .attachments, let queue = record.fields["queue"],
      let kind = record.fields["kind"].flatMap({ Kind($0) }),
      let lane = record.fields["lane"].flatMap({ Lane($0) })
    else { return nil }
    self.init(
      queue: queue, kind: kind, lane: lane, usesMessageID: record.fields["id"] == "message-id",
      by: record.fields["by"] ?? "", since: record.writtenAt)
  }

  /// - Parameter id: made of the queue's name, which may be what no id can be.
  package func stored(as id: String) -> StoredRecord {
    StoredRecord(
      .attachments, id: id, writtenAt: since ?? WallTime(milliseconds: 0),
      fields: [
        "queue": queue, "kind": kind.text, "lane": lane.text,
        "id": usesMessageID ? "message-id" : "", "by": by,
      ])
  }
}
