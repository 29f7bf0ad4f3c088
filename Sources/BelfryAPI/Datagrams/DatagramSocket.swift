package import NIOCore
internal import NIOPosix
internal import Synchronization

/// A UDP socket for heartbeat datagrams. What is received comes in batches, on the socket's loop; what
/// cannot be sent at once is dropped, as the network would. From any thread.
///
/// A socket ends with the first send that the system refuses (no route, a firewall of this machine):
/// another takes its place a moment later, on the same port.
package final class DatagramSocket: Sendable {
  package typealias Received = @Sendable ([(from: SocketAddress, bytes: ByteBuffer)]) -> Void

  private struct State {
    var channel: (any Channel)?
    var isClosed = false
  }

  private static let pause = TimeAmount.milliseconds(250)

  private let state = Mutex(State())
  private let host: String
  private let loop: any EventLoop
  private let received: Received

  private init(_ host: String, _ group: any EventLoopGroup, _ received: @escaping Received) {
    self.host = host
    loop = group.next()
    self.received = received
  }

  /// - Parameter port: 0: any that is free.
  package static func bind(
    host: String, port: Int, group: any EventLoopGroup, received: @escaping Received
  ) -> EventLoopFuture<DatagramSocket> {
    let socket = DatagramSocket(host, group, received)
    return socket.bind(port: port).map { socket }
  }

  package var port: Int? { state.withLock { $0.channel }?.localAddress?.port }

  package func send(_ datagrams: [(to: SocketAddress, bytes: ByteBuffer)]) {
    guard !datagrams.isEmpty, let channel = state.withLock({ $0.channel }) else { return }
    loop.execute {
      for (address, bytes) in datagrams where channel.isWritable {
        channel.write(AddressedEnvelope(remoteAddress: address, data: bytes), promise: nil)
      }
      channel.flush()
    }
  }

  package func close() {
    let channel = state.withLock { state in
      state.isClosed = true
      return state.channel
    }
    channel?.close(promise: nil)
  }

  private func bind(port: Int) -> EventLoopFuture<Void> {
    DatagramBootstrap(group: loop)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2_048))
      .channelOption(.datagramVectorReadMessageCount, value: 16)
      .channelInitializer { [received] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Gathering(received))
        }
      }
      .bind(host: host, port: port)
      .map { [self] channel in take(channel) }
  }

  private func take(_ channel: any Channel) {
    let isClosed = state.withLock { state in
      state.channel = channel
      return state.isClosed
    }
    if isClosed { channel.close(promise: nil) }
    let port = channel.localAddress?.port ?? 0
    channel.closeFuture.whenComplete { [weak self] _ in self?.replace(port: port) }
  }

  private func replace(port: Int) {
    guard !state.withLock({ $0.isClosed }) else { return }
    loop.scheduleTask(in: Self.pause) { [weak self] in
      guard let self, !state.withLock({ $0.isClosed }) else { return }
      bind(port: port).whenFailure { [weak self] _ in self?.replace(port: port) }
    }
  }

  private final class Gathering: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let received: Received
    private var batch: [(from: SocketAddress, bytes: ByteBuffer)] = []

    init(_ received: @escaping Received) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let envelope = unwrapInboundIn(data)
      batch.append((envelope.remoteAddress, envelope.data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
      guard !batch.isEmpty else { return }
      received(batch)
      batch.removeAll(keepingCapacity: true)
    }

    /// A datagram that could not be delivered is heard of as an error of the socket, which may stay.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
  }
}
