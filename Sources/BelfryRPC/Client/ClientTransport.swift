internal import BelfryNet
internal import NIOCore
internal import NIOPosix

/// How a client's connections are made. What runs on them, HTTP/2 and all above it, is the same.
enum ClientTransport: Sendable {
  /// TCP, and mutual TLS.
  case tls(TLSContext)
  /// A Unix socket, and no TLS: the kernel says who we are.
  case local
  /// A pair of sockets, one of which the server is given; it takes us for this peer.
  case inProcess(RPCServer, PeerIdentity?)

  func connect(
    _ bootstrap: ClientBootstrap, to target: RPCTarget, on eventLoop: any EventLoop
  ) -> EventLoopFuture<any Channel> {
    switch self {
    case .tls:
      return bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .connect(host: target.host, port: target.port)
    case .local: return bootstrap.connect(unixDomainSocketPath: target.host)
    case .inProcess(let server, let identity):
      do {
        let (ours, theirs) = try SocketPair.make()
        server.accept(theirs, from: identity)
        return bootstrap.withConnectedSocket(ours)
      } catch {
        return eventLoop.makeFailedFuture(error)
      }
    }
  }

  /// What establishes a connection before HTTP/2 begins on it.
  func outerHandler(_ limits: RPCLimits) -> any ChannelHandler {
    switch self {
    case .tls(let context):
      TLSHandler(TLSMachine.connecting(context), timeout: limits.tlsTimeout)
    case .local, .inProcess: InProcessHandler(peer: nil)
    }
  }
}

extension ClientBootstrap {
  /// Reads and write-buffer marks of a connection whose back-pressure `HTTP2Handler` keeps.
  func carryingHTTP2(outputBytesMax: Int) -> ClientBootstrap {
    channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.recvAllocator, value: ReadAllocator())
      .channelOption(
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(
          low: outputBytesMax / 4, high: outputBytesMax))
  }
}
