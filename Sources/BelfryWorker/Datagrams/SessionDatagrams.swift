internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import Synchronization

/// The worker's end of all heartbeat datagrams: a UDP socket for each family of addresses, made when
/// the first session wants it. From any thread.
final class SessionDatagrams: Sendable {
  private struct Entry {
    let session: SessionID
    let address: SocketAddress
    var end: DatagramEnd
  }

  private enum Socket {
    case binding
    case bound(DatagramSocket)
  }

  private struct State {
    var sockets: [String: Socket] = [:]
    var entries: [UInt64: Entry] = [:]
    var names: [SessionID: UInt64] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())
  private let group: any EventLoopGroup
  private let logger: Logger

  init(group: any EventLoopGroup, logger: Logger) {
    self.group = group
    self.logger = logger
  }

  /// - Parameter hear: takes what is heard, on the socket's loop.
  /// - Returns: false: this session has no datagrams.
  func open(
    _ session: SessionID, _ offer: DatagramOffer, _ path: RPCDatagramPath,
    hear: @escaping @Sendable (SessionID, HeardBeat) -> Void
  ) -> Bool {
    var address = path.address
    guard let host = Self.wildcard(address) else { return false }
    address.port = offer.port
    let end = DatagramEnd(
      session: offer.session, key: path.key, sending: .toCoordinator,
      at: ProcessClock.now().monotonic)
    let mustBind = state.withLock { state in
      state.entries[offer.session] = Entry(session: session, address: address, end: end)
      state.names[session] = offer.session
      guard state.sockets[host] == nil, !state.isClosed else { return false }
      state.sockets[host] = .binding
      return true
    }
    if mustBind { bind(host, hear) }
    return true
  }

  private func bind(
    _ host: String, _ hear: @escaping @Sendable (SessionID, HeardBeat) -> Void
  ) {
    let socket = DatagramSocket.bind(host: host, port: 0, group: group) {
      [weak self] datagrams in
      for (session, beat) in self?.received(datagrams) ?? [] { hear(session, beat) }
    }
    socket.whenComplete { [self] result in
      switch result {
      case .success(let socket):
        let isClosed = state.withLock { state in
          state.sockets[host] = .bound(socket)
          return state.isClosed
        }
        if isClosed { socket.close() }
      case .failure(let error):
        logger.warning(
          "no heartbeat datagrams: no UDP socket can be made", metadata: ["why": "\(error)"])
      }
    }
  }

  /// Any address of the family, at this end.
  private static func wildcard(_ address: SocketAddress) -> String? {
    switch address {
    case .v4: "0.0.0.0"
    case .v6: "::"
    case .unixDomainSocket: nil
    }
  }

  func end(_ sessions: [SessionID]) {
    guard !sessions.isEmpty else { return }
    state.withLock { state in
      for session in sessions {
        if let name = state.names.removeValue(forKey: session) { state.entries[name] = nil }
      }
    }
  }

  func close() {
    let sockets = state.withLock { state in
      state.isClosed = true
      return Array(state.sockets.values)
    }
    for case .bound(let socket) in sockets { socket.close() }
  }

  func send(_ beats: [(session: SessionID, beat: Beat)]) {
    let now = ProcessClock.now().monotonic
    for (session, beat) in beats {
      let made = state.withLock { state -> (DatagramSocket, SocketAddress, ByteBuffer)? in
        guard let name = state.names[session], let address = state.entries[name]?.address,
          let host = Self.wildcard(address), case .bound(let socket)? = state.sockets[host],
          let bytes = state.entries[name]?.end.seal(beat, at: now)
        else { return nil }
        return (socket, address, bytes)
      }
      if let (socket, address, bytes) = made { socket.send([(address, bytes)]) }
    }
  }

  private func received(
    _ datagrams: [(from: SocketAddress, bytes: ByteBuffer)]
  ) -> [(SessionID, HeardBeat)] {
    let now = ProcessClock.now().monotonic
    return datagrams.compactMap { _, bytes in
      guard let name = HeartbeatDatagram.session(of: bytes, .toWorker) else { return nil }
      return state.withLock { state -> (SessionID, HeardBeat)? in
        guard let session = state.entries[name]?.session,
          // Forged or seen before: nobody's word.
          let beat = try? state.entries[name]?.end.open(bytes, at: now)
        else { return nil }
        return (session, beat)
      }
    }
  }
}
