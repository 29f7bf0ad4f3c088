package import NIOCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Two sockets that are connected with each other and nothing else: the bytes between a client and a
/// server of one process.
package enum SocketPair {
  /// Both are the caller's to close; children of this process do not inherit them.
  /// - Throws: `IOError`, for example when the process may open no more files.
  package static func make() throws -> (NIOBSDSocket.Handle, NIOBSDSocket.Handle) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Glibc)
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    #else
      let kind = SOCK_STREAM
    #endif
    guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
      throw IOError(errnoCode: errno, reason: "socketpair")
    }
    return (ends[0], ends[1])
  }
}

/// Stands where `TLSHandler` does on a connection inside one process: there is nobody to keep out and
/// nothing to hide, and who the peer is was said by the code that made the connection.
package final class InProcessHandler: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer

  private let peer: PeerIdentity?
  private var isEstablished = false

  /// - Parameter peer: who the other end is taken for; nil: a stranger.
  package init(peer: PeerIdentity?) { self.peer = peer }

  package func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { begin(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard !isEstablished else { return }
    isEstablished = true
    context.fireUserInboundEventTriggered(TLSHandler.Established(peer: peer))
  }
}
