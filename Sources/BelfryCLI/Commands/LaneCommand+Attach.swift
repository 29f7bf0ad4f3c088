internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import SwiftProtobuf

extension LaneCommand {
  struct Attach: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make jobs of the messages of a queue that is not Belfry's.",
      discussion: """
        The queue is consumed as it is, and never declared: a producer of yours goes on as before. Each message \
        becomes a job of one kind. Durable, and for all coordinators: this one at once, the others within about \
        a second. A queue that is not there yet is tried every two seconds.

        WHAT is QUEUE=KIND, and if you like behind it:
          ,id=message-id   the message's id counts: the same id is the same job
          ,lane=LANE       instead of lane default

        Examples:

          belfry lane attach hello=print
          belfry lane attach orders=invoice,id=message-id,lane=reports
        """)

    @Argument(help: ArgumentHelp("What to attach, and as what.", valueName: "what"))
    var what: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let wanted = try Attachment(what, code: .usage).parsed(lanes: nil)
      let queue = try await client.connected { client, limit in
        do {
          return try await client.attachQueue(
            .with {
              $0.queue = wanted.queue
              $0.kind = wanted.kind.text
              $0.lane = wanted.lane.text
              $0.usesMessageID = wanted.usesMessageID
            }, within: limit)
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchLane, "no lane \"\(wanted.lane)\"", why: error.message,
            next: ["belfry lane list"])
        }
      }
      if !queue.consumed {
        note(
          "queue \(queue.queue) is not consumed yet: it is not there, or may not be read; it is tried every "
            + "two seconds")
      }
      return Report(Document(kind: "AttachedQueue", fields: Document.fields(queue)))
    }
  }

  struct Detach: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Leave a queue that was attached.",
      discussion: """
        What has become a job stays one; what is still in the queue stays there.

        Example:

          belfry lane detach hello
        """)

    @Argument(
      help: "The queue.",
      completion: .custom { words, _, _ in await Completion.attachedQueues(words) })
    var queue: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let left = try await client.connected { client, limit in
        do {
          return try await client.detachQueue(queue, within: limit)
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchQueue, "queue \"\(queue)\" is not attached", why: error.message,
            next: ["belfry lane attachments"])
        }
      }
      if left.consumed { note("this coordinator goes on with it by its settings") }
      return Report(Document(kind: "AttachedQueue", fields: Document.fields(left)))
    }
  }

  struct Attachments: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the queues that are attached, and what their messages become.",
      discussion: """
        consumed is said of the coordinator that is asked. by is who attached it; where it is empty, the \
        settings of this coordinator did (--attach, coordinator.attach).
        """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let queues = try await client.connected { try await $0.attachedQueues(within: $1) }
      return Report(
        queues.map { Document(kind: "AttachedQueue", fields: Document.fields($0)) },
        kind: "AttachedQueueList",
        columns: ["queue", "kind", "lane", "consumed", "by", "since"])
    }
  }
}

extension Document {
  fileprivate static func fields(
    _ queue: Belfry_V1_AttachedQueue
  ) -> [(String, Document.Value)] {
    [
      ("queue", .text(queue.queue)), ("kind", .text(queue.kind)), ("lane", .text(queue.lane)),
      ("id", .text(queue.usesMessageID ? "message-id" : "new")),
      ("consumed", .flag(queue.consumed)), ("by", .text(queue.by)), ("since", time(queue.sinceMs)),
    ]
  }
}
