/// What one end of a session says of itself in a heartbeat datagram, beside the stream.
package struct Beat: Sendable, Equatable {
  /// The sender has no stream of this session any more.
  package var isStreamClosed: Bool
  /// How long the sender has heard nothing on the stream.
  package var streamSilence: Duration
  /// Worker: slots in use.
  package var running: Int

  package init(
    isStreamClosed: Bool = false, streamSilence: Duration = .zero, running: Int = 0
  ) {
    self.isStreamClosed = isStreamClosed
    self.streamSilence = streamSilence
    self.running = running
  }
}

/// A beat of the other end. Its transport has seen to it that it is of this session and new.
package struct HeardBeat: Sendable, Equatable {
  package var beat: Beat
  /// How long its sender had heard no datagram of ours when it was sent.
  package var silence: Duration
  /// Datagrams missed among the last 64, of ours or of theirs: whichever is more.
  package var missed: Int
  package var roundTrip: Duration?

  package init(
    _ beat: Beat, silence: Duration = .zero, missed: Int = 0, roundTrip: Duration? = nil
  ) {
    self.beat = beat
    self.silence = silence
    self.missed = missed
    self.roundTrip = roundTrip
  }

  /// How long the sender had heard nothing of us at all.
  package var deafness: Duration { min(silence, beat.streamSilence) }
}

/// Where a session's datagrams go, as the coordinator offers it.
package struct DatagramOffer: Sendable, Equatable {
  /// UDP, at the address of the session.
  package var port: Int
  /// Names the session in its datagrams.
  package var session: UInt64

  package init(port: Int, session: UInt64) {
    self.port = port
    self.session = session
  }
}

/// When the next beat is due: every 500 ms, every 250 ms while more than 10 % of the last 64 were
/// missed. At 30 % loss each way 4 s of silence come by chance once in 0.3^-8 = 15,000 slots of 500 ms,
/// about every two hours of a link; with 250 ms once in 0.3^-16.
package struct BeatPace: Sendable {
  package static let every = Duration.milliseconds(500)
  package static let hurriedEvery = Duration.milliseconds(250)
  /// Of 64.
  package static let missedMax = 6

  private var sentAt: Instant?
  private var isHurried = false

  package init() {}

  package mutating func heard(missed: Int) { isHurried = missed > Self.missedMax }

  /// True: the beat is sent now. Asked every 100 ms, so half of that too early is in time.
  package mutating func isDue(at now: Instant) -> Bool {
    let every = isHurried ? Self.hurriedEvery : Self.every
    if let sentAt, now - sentAt < every - .milliseconds(50) { return false }
    sentAt = now
    return true
  }
}
