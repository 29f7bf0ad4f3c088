internal import BelfryAPI
internal import BelfryCore
internal import CoreMetrics
internal import Logging
internal import NIOCore
internal import Synchronization

/// The coordinator's end of all heartbeat datagrams: one UDP socket, on the port of the RPC server.
/// From any thread.
final class SessionDatagrams: Sendable {
  private struct Entry {
    let session: SessionID
    var end: DatagramEnd
    /// Where the last authentic one came from: a worker behind a NAT may move.
    var address: SocketAddress?
  }

  private struct State {
    var socket: DatagramSocket?
    var port: Int?
    var entries: [UInt64: Entry] = [:]
    var names: [SessionID: UInt64] = [:]
  }

  private let state = Mutex(State())
  private let refused: [DatagramEnd.Refusal: Counter]
  private let heard: Counter
  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
    heard = Counter(label: "belfry_datagrams_heard_total")
    refused = Dictionary(
      uniqueKeysWithValues: DatagramEnd.Refusal.allCases.map { reason in
        (
          reason,
          Counter(
            label: "belfry_datagrams_refused_total", dimensions: [("reason", reason.rawValue)])
        )
      })
  }

  /// Where the port cannot be had the sessions' streams are all there is, as without datagrams.
  /// - Parameter hear: takes the beats of one read of the socket, on its loop.
  func bind(
    host: String, port: Int, group: any EventLoopGroup,
    hear: @escaping @Sendable ([(session: SessionID, beat: HeardBeat)]) -> Void
  ) async {
    do {
      let socket = try await DatagramSocket.bind(host: host, port: port, group: group) {
        [weak self] datagrams in
        let beats = self?.received(datagrams) ?? []
        if !beats.isEmpty { hear(beats) }
      }.get()
      state.withLock { state in
        state.socket = socket
        state.port = socket.port
      }
    } catch {
      logger.warning(
        "no heartbeat datagrams: the UDP port cannot be bound",
        metadata: ["host": "\(host)", "port": "\(port)", "why": "\(error)"])
    }
  }

  func close() { state.withLock { $0.socket }?.close() }

  // MARK: sessions

  /// - Parameter key: of the session's connection; empty: there is none to be had.
  /// - Returns: what the worker is to be told; nil: this session has no datagrams.
  func open(_ session: SessionID, key: [UInt8]) -> DatagramOffer? {
    guard !key.isEmpty else { return nil }
    let now = ProcessClock.now().monotonic
    return state.withLock { state in
      guard let port = state.port else { return nil }
      // Nobody who has not seen it can make us compute a code.
      var name = UInt64.random(in: 1 ... .max)
      while state.entries[name] != nil { name = .random(in: 1 ... .max) }
      let end = DatagramEnd(session: name, key: key, sending: .toWorker, at: now)
      state.entries[name] = Entry(session: session, end: end)
      state.names[session] = name
      return DatagramOffer(port: port, session: name)
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

  // MARK: datagrams

  func send(_ beats: [(session: SessionID, beat: Beat)]) {
    guard !beats.isEmpty else { return }
    let now = ProcessClock.now().monotonic
    let (socket, datagrams) = state.withLock { state in
      var datagrams: [(to: SocketAddress, bytes: ByteBuffer)] = []
      for (session, beat) in beats {
        guard let name = state.names[session], let address = state.entries[name]?.address,
          let bytes = state.entries[name]?.end.seal(beat, at: now)
        else { continue }
        datagrams.append((address, bytes))
      }
      return (state.socket, datagrams)
    }
    socket?.send(datagrams)
  }

  private func received(
    _ datagrams: [(from: SocketAddress, bytes: ByteBuffer)]
  ) -> [(session: SessionID, beat: HeardBeat)] {
    let now = ProcessClock.now().monotonic
    var beats: [(session: SessionID, beat: HeardBeat)] = []
    for (address, bytes) in datagrams {
      do throws(DatagramEnd.Refusal) {
        beats.append(try take(bytes, from: address, at: now))
        heard.increment()
      } catch {
        refused[error]?.increment()
      }
    }
    return beats
  }

  private func take(
    _ bytes: ByteBuffer, from address: SocketAddress, at now: Instant
  ) throws(DatagramEnd.Refusal) -> (session: SessionID, beat: HeardBeat) {
    guard let name = HeartbeatDatagram.session(of: bytes, .toCoordinator) else {
      throw .malformed
    }
    return try state.withLock { state throws(DatagramEnd.Refusal) in
      let before = state.entries[name]?.end.highest ?? 0
      guard let session = state.entries[name]?.session,
        let beat = try state.entries[name]?.end.open(bytes, at: now)
      else { throw .unknown }
      // One that was held back on its way does not say where the worker is now.
      if let highest = state.entries[name]?.end.highest, highest > before {
        state.entries[name]?.address = address
      }
      return (session, beat)
    }
  }
}
