internal import BelfryAPI
internal import BelfryRPC
internal import Foundation

/// Jobs that match a query, as they are read. Dropping it ends the call.
public struct JobStream: AsyncSequence, Sendable {
  public typealias Element = JobStatus
  let replies: TypedReplies<Belfry_V1_JobView>

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var replies: TypedReplies<Belfry_V1_JobView>.AsyncIterator

    /// Throws `BelfryError`.
    public mutating func next() async throws -> JobStatus? {
      do throws(RPCStatus) { return try await replies.next().map(JobStatus.init) } catch {
        throw BelfryError(error)
      }
    }
  }

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(replies: replies.makeAsyncIterator())
  }
}

/// A job's result in parts of at most 1 MiB, as they are read from the store. To be read once; dropping
/// it ends the call.
public struct JobResultStream: AsyncSequence {
  public typealias Element = [UInt8]
  public let contentType: String
  /// Of the whole result, in bytes.
  public let size: Int
  fileprivate let parts: TypedReplies<Belfry_V1_ResultPart>.AsyncIterator

  init(_ replies: TypedReplies<Belfry_V1_ResultPart>) async throws {
    var parts = replies.makeAsyncIterator()
    do throws(RPCStatus) {
      guard let head = try await parts.next() else {
        throw RPCStatus(.dataLoss, "the coordinator sent nothing")
      }
      contentType = head.contentType
      size = Int(clamping: head.size)
    } catch {
      throw BelfryError(error)
    }
    self.parts = parts
  }

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var parts: TypedReplies<Belfry_V1_ResultPart>.AsyncIterator
    fileprivate var left: Int

    /// Throws `BelfryError`, also when the result ends before its size.
    public mutating func next() async throws -> [UInt8]? {
      do throws(RPCStatus) {
        guard let part = try await parts.next() else {
          guard left == 0 else {
            throw RPCStatus(.dataLoss, "the result ends \(left) bytes before its size")
          }
          return nil
        }
        left -= part.bytes.count
        return [UInt8](part.bytes)
      } catch {
        throw BelfryError(error)
      }
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(parts: parts, left: size) }

  /// All of it at once.
  public func bytes() async throws -> [UInt8] {
    var all: [UInt8] = []
    for try await part in self { all += part }
    return all
  }
}
