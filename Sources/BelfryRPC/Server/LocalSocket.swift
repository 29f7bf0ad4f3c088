package import BelfryNet
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Who is at the other end of a Unix socket, as the kernel says. Not `ucred`, which the Glibc module
/// does not have: the same three fields.
package struct PeerCredentials: Sendable, Equatable {
  package let process: Int32
  package let user: UInt32
  package let group: UInt32

  package init(process: Int32, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }

  static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
    #if canImport(Glibc)
      if let provider = channel as? any SocketOptionProvider {
        return provider.unsafeGetSocketOption(
          level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
      }
    #endif
    return channel.eventLoop.makeFailedFuture(
      IOError(errnoCode: ENOTSUP, reason: "the peer's credentials"))
  }
}

/// A Unix socket on which a server serves callers of its own machine.
package struct LocalSocket: Sendable {
  /// Of the socket; the folder has to be there. At most 100 bytes.
  package var path: String
  /// Who may write to it at all, such as 0600.
  package var mode: UInt32
  /// Who a caller is taken for; nil: it is not let in. May wait, and runs on a thread of its own.
  package var identify: @Sendable (PeerCredentials) -> PeerIdentity?

  /// What the kernel takes, less what is put behind it while the socket is made.
  package static let pathBytesMax = 100

  package init(
    path: String, mode: UInt32, identify: @escaping @Sendable (PeerCredentials) -> PeerIdentity?
  ) {
    self.path = path
    self.mode = mode
    self.identify = identify
  }
}

/// A socket that is being listened on.
struct LocalListening {
  let channel: any Channel
  let path: String
  let file: FileIdentity

  struct FileIdentity: Equatable {
    let device: UInt64
    let number: UInt64

    init?(_ path: String) {
      var status = stat()
      guard unsafe stat(path, &status) == 0 else { return nil }
      device = UInt64(truncatingIfNeeded: status.st_dev)
      number = UInt64(truncatingIfNeeded: status.st_ino)
    }
  }

  /// Another process may have put its own in the place of ours: that one stays.
  func end() async {
    // One that is closed already is what we want.
    try? await channel.close().get()
    if FileIdentity(path) == file { _ = unsafe unlink(path) }
  }
}

extension RPCServer {
  /// Serves callers of this machine too, without TLS: who they are the kernel says, and no certificate is
  /// looked at. After `start`; a socket that is there is replaced, anything else is left alone.
  /// - Throws: NIO's error when the address cannot be bound.
  package func serve(on socket: LocalSocket) async throws {
    var there = stat()
    if unsafe lstat(socket.path, &there) == 0, there.st_mode & S_IFMT != S_IFSOCK {
      throw IOError(errnoCode: EEXIST, reason: "\(socket.path) is no socket")
    }
    let shared = shared
    let outputBytesMax = shared.limits.http2.outputBytesMax
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptGate(shared))
        }
      }
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.recvAllocator, value: ReadAllocator())
      .childChannelOption(
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(
          low: outputBytesMax / 4, high: outputBytesMax)
      )
      .childChannelInitializer { channel in
        PeerCredentials.of(channel).flatMap { credentials in
          NIOThreadPool.singleton.runIfActive(eventLoop: channel.eventLoop) {
            socket.identify(credentials)
          }.flatMapThrowing { peer in
            guard let peer else {
              shared.refusals.refused(
                "refused a local caller", ServerRefusals.Reason.user.rawValue,
                metadata: ["uid": "\(credentials.user)", "pid": "\(credentials.process)"])
              throw ChannelError.ioOnClosedChannel
            }
            try Self.accept(channel, InProcessHandler(peer: peer), shared)
          }
        }
      }
    // Made beside its place: nobody finds it there with a mode that is not yet its own.
    let made = socket.path + ".new"
    let channel = try await bootstrap.bind(
      unixDomainSocketPath: made, cleanupExistingSocketFile: true
    ).get()
    guard unsafe chmod(made, mode_t(socket.mode)) == 0, unsafe rename(made, socket.path) == 0,
      let file = LocalListening.FileIdentity(socket.path)
    else {
      let error = IOError(errnoCode: errno, reason: "rename \(made)")
      // What was made is of no use.
      try? await channel.close().get()
      throw error
    }
    let listening = LocalListening(channel: channel, path: socket.path, file: file)
    localListener.withLock { $0 = listening }
  }
}
