/// What is fed with arbitrary bytes: by libFuzzer (`make fuzz`), and by the tests with what libFuzzer
/// has found worth keeping. A crash is a finding, and so is a property that does not hold.
enum FuzzTarget: String, CaseIterable {
  /// Our codec, all messages of the schema.
  case wire
  /// The same messages as protobuf.
  case protobuf
  /// Bodies of calls, in arbitrary pieces.
  case deframer
  /// Frames of a connection.
  case http2
  /// Header lists: metadata, requests and the ends of answers.
  case metadata
  case timeout
  case percent
  case gzip
  /// What producers put on the queues.
  case door
  /// A coordinator's core with hostile workers.
  case session
  /// Heartbeats beside the stream.
  case datagram

  /// Takes one input; throws when a promise is broken.
  func run(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    switch self {
    case .wire: try fuzzWire(&input)
    case .protobuf: try fuzzProtobuf(&input)
    case .deframer: try fuzzDeframer(&input)
    case .http2: try fuzzHTTP2(&input)
    case .metadata: try fuzzMetadata(&input)
    case .timeout: try fuzzTimeout(&input)
    case .percent: try fuzzPercent(&input)
    case .gzip: try fuzzGzip(&input)
    case .door: try fuzzDoor(&input)
    case .session: try fuzzSession(&input)
    case .datagram: try fuzzDatagram(&input)
    }
  }
}

/// A promise that some input breaks.
struct FuzzFinding: Error, CustomStringConvertible {
  let description: String
}

func promise(_ holds: Bool, _ what: @autoclosure () -> String) throws(FuzzFinding) {
  if !holds { throw FuzzFinding(description: what()) }
}
