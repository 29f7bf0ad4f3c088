package import BelfryRPC

/// The answers of a server stream. Dropping the sequence and its iterators cancels the call.
///
/// Throws the status when the call failed, and *internal* when an answer cannot be read; the call
/// is then cancelled.
package struct TypedReplies<Reply: APIMessage>: AsyncSequence, Sendable {
  package typealias Element = Reply
  package typealias Failure = RPCStatus

  let replies: RPCReplies
  let encoding: MessageEncoding

  package struct AsyncIterator: AsyncIteratorProtocol {
    var iterator: RPCReplies.AsyncIterator
    let replies: RPCReplies
    let encoding: MessageEncoding

    package mutating func next() async throws(RPCStatus) -> Reply? {
      guard let bytes = try await iterator.next() else { return nil }
      do throws(RPCStatus) {
        return try encoding.reply(bytes)
      } catch {
        replies.cancel()
        throw error
      }
    }

    package mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(RPCStatus) -> Reply? {
      try await next()
    }
  }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(iterator: replies.makeAsyncIterator(), replies: replies, encoding: encoding)
  }

  /// Ends the call; the sequence throws *cancelled*.
  package func cancel() { replies.cancel() }
}
