import BelfryAPI
import BelfryCore
import NIOCore

/// Both ends of a session's heartbeat datagrams, and somebody between them who keeps, repeats and
/// changes what passes, and makes up his own. Each datagram is taken at most once, and only as it was
/// made; what the other end says, whatever it is, ends in numbers that can be reckoned with.
func fuzzDatagram(_ input: inout FuzzInput) throws {
  var scene = DatagramScene()
  while !input.isEmpty { try scene.step(&input) }
}

private struct DatagramScene {
  private static let session: UInt64 = 7
  /// Of this scene only: a fuzzer that sees what is compared would else carry codes from one to the next.
  private let key: [UInt8]
  private var now = Instant(nanoseconds: 0)
  private var worker: DatagramEnd
  private var coordinator: DatagramEnd
  /// On their way to the coordinator.
  private var sent: [ByteBuffer] = []
  private var taken: Set<ByteBuffer> = []

  init() {
    key = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    worker = DatagramEnd(session: Self.session, key: key, sending: .toCoordinator, at: now)
    coordinator = DatagramEnd(session: Self.session, key: key, sending: .toWorker, at: now)
  }

  mutating func step(_ input: inout FuzzInput) throws {
    switch input.byte() % 6 {
    case 0: sent.append(worker.seal(beat(&input), at: now))
    case 1: try deliver(chosen(&input))
    case 2:
      var changed = chosen(&input)
      let place = Int(input.byte()) % max(1, changed.readableBytes)
      guard let byte = changed.getInteger(at: place, as: UInt8.self) else { return }
      changed.setInteger(byte ^ max(1, input.byte()), at: place)
      try promise(!isTaken(changed), "a datagram was changed at \(place), and taken")
    case 3:
      let bytes = ByteBuffer(bytes: input.chunk())
      try promise(!isTaken(bytes), "a datagram without the key was taken")
    case 4:
      // Whoever has the key may say anything.
      sent.append(madeUp(&input))
    default:
      now = now + .milliseconds(Int64(input.byte()) * 40)
      _ = try? worker.open(coordinator.seal(beat(&input), at: now), at: now)
    }
  }

  private mutating func deliver(_ bytes: ByteBuffer) throws {
    guard let heard = try? coordinator.open(bytes, at: now) else { return }
    try promise(taken.insert(bytes).inserted, "a datagram was taken twice")
    try promise((0...255).contains(heard.missed), "\(heard.missed) missed")
    try promise(heard.silence >= .zero && heard.beat.streamSilence >= .zero, "negative silence")
    try promise(heard.deafness <= heard.silence, "deaf for longer than it was silent")
    try promise(heard.beat.running >= 0, "\(heard.beat.running) jobs")
    // What is heard goes into the next one that is sent.
    _ = coordinator.seal(heard.beat, at: now)
  }

  private mutating func isTaken(_ bytes: ByteBuffer) -> Bool {
    (try? coordinator.open(bytes, at: now)) != nil
  }

  private func chosen(_ input: inout FuzzInput) -> ByteBuffer {
    sent.isEmpty ? ByteBuffer() : sent[Int(input.byte()) % sent.count]
  }

  private func beat(_ input: inout FuzzInput) -> Beat {
    Beat(
      isStreamClosed: input.bool(),
      streamSilence: .milliseconds(Int64(clamping: input.integer())),
      running: Int(truncatingIfNeeded: input.integer()))
  }

  private func madeUp(_ input: inout FuzzInput) -> ByteBuffer {
    var datagram = HeartbeatDatagram(
      input.bool() ? .toCoordinator : .toWorker, session: Self.session, sequence: input.integer())
    datagram.isStreamClosed = input.bool()
    datagram.missed = input.byte()
    datagram.heldMS = UInt32(truncatingIfNeeded: input.integer())
    datagram.echo = input.integer()
    datagram.streamSilenceMS = UInt32(truncatingIfNeeded: input.integer())
    datagram.running = UInt32(truncatingIfNeeded: input.integer())
    return datagram.bytes(key: key)
  }
}
