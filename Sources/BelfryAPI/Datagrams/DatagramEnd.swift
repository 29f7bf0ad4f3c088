package import BelfryCore
package import NIOCore

/// One end of a session's datagrams: counts those it sends, and lets in those of the other end that
/// are authentic and new. No socket, no clock; not safe to share.
package struct DatagramEnd: Sendable {
  /// Why a datagram was dropped. The raw value is the reason under which it is counted.
  package enum Refusal: String, Error, Sendable, CaseIterable {
    /// Not of the form of a heartbeat datagram.
    case malformed
    /// No such session.
    case unknown
    /// Its code is not made with the session's key.
    case forged
    /// Seen before, or too old to know.
    case replayed
  }

  package let session: UInt64
  private let key: [UInt8]
  private let outgoing: HeartbeatDatagram.Direction
  private let incoming: HeartbeatDatagram.Direction
  private var window = ReplayWindow()
  private var sent: [(sequence: UInt64, at: Instant)] = []
  private var nextSequence: UInt64 = 1
  private var heardAt: Instant
  /// Of ours, as the other end said last.
  private var missedThere = 0

  /// - Parameter sending: which way its own datagrams go.
  package init(
    session: UInt64, key: [UInt8], sending: HeartbeatDatagram.Direction, at now: Instant
  ) {
    self.session = session
    self.key = key
    outgoing = sending
    incoming = sending == .toWorker ? .toCoordinator : .toWorker
    heardAt = now
  }

  package mutating func seal(_ beat: Beat, at now: Instant) -> ByteBuffer {
    var datagram = HeartbeatDatagram(outgoing, session: session, sequence: nextSequence)
    datagram.isStreamClosed = beat.isStreamClosed
    datagram.missed = UInt8(clamping: window.missed)
    datagram.heldMS = UInt32(clamping: (now - heardAt).millisecondsClamped)
    datagram.echo = window.highest
    datagram.streamSilenceMS = UInt32(clamping: beat.streamSilence.millisecondsClamped)
    datagram.running = UInt32(clamping: beat.running)
    if sent.count >= 16 { sent.removeFirst() }
    sent.append((nextSequence, now))
    nextSequence += 1
    return datagram.bytes(key: key)
  }

  /// The highest sequence that was accepted; 0: none.
  package var highest: UInt64 { window.highest }

  package mutating func open(
    _ bytes: ByteBuffer, at now: Instant
  ) throws(Refusal) -> HeardBeat {
    guard let datagram = HeartbeatDatagram(bytes, incoming, key: key),
      datagram.session == session
    else { throw .forged }
    guard window.accept(datagram.sequence) else { throw .replayed }
    let held = Duration.milliseconds(Int64(datagram.heldMS))
    var roundTrip: Duration?
    if datagram.sequence == window.highest {
      heardAt = now
      missedThere = Int(datagram.missed)
      roundTrip = sent.last { $0.sequence == datagram.echo }.map { now - $0.at - held }
    }
    let beat = Beat(
      isStreamClosed: datagram.isStreamClosed,
      streamSilence: .milliseconds(Int64(datagram.streamSilenceMS)),
      running: Int(clamping: datagram.running))
    return HeardBeat(
      beat, silence: held, missed: max(window.missed, missedThere), roundTrip: roundTrip)
  }
}
