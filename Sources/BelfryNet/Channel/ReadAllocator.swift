package import NIOCore

/// Sizes the reads of a connection by what its last ones brought, and lets go of their memory: one that
/// was busy once and is idle now would else keep up to 64 KiB.
///
/// NIO keeps the first buffer that it was given for as long as the connection lives, so that one is
/// small; and it makes a new one for each read as long as `record` says that the next may be larger.
package struct ReadAllocator: RecvByteBufferAllocator {
  private static let firstBytes = 512

  private var sizes = AdaptiveRecvByteBufferAllocator(
    minimum: 1_024, initial: 2_048, maximum: 65_536)
  private var isFirst = true

  package init() {}

  package mutating func record(actualReadBytes: Int) -> Bool {
    if isFirst {
      isFirst = false
    } else {
      _ = sizes.record(actualReadBytes: actualReadBytes)
    }
    return true
  }

  package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
    isFirst ? allocator.buffer(capacity: Self.firstBytes) : sizes.buffer(allocator: allocator)
  }
}
