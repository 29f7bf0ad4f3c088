import BelfryNet
import NIOCore
import Testing

/// Trailers that are constants of the program do not go through nghttp2: here are the frames of an
/// answer, as they go over the wire.
@Suite("Trailers behind the last message")
struct TrailerFrameTests {
  private static let head = HTTP2FieldBlock([(":status", "200")])
  private static let constant = HTTP2FieldBlock([("grpc-status", "0")], permanent: true)
  /// The fields of `constant` as literals without indexing.
  private static let literals =
    [0, 11] + Array("grpc-status".utf8) + [1, UInt8(ascii: "0")]

  private struct Frame: Equatable {
    let type: UInt8
    let flags: UInt8
    let stream: Int32
    let payload: [UInt8]
  }

  /// A server that has received the head of a request, and its end if there is one.
  private final class Server: HTTP2SessionDelegate {
    let machine = HTTP2ServerMachine(limits: HTTP2Limits(), now: .now())
    private(set) var streams: [HTTP2Stream] = []
    private(set) var endings: [Int32: HTTP2ErrorCode] = [:]

    init(requestEnds: Bool = true) throws {
      machine.session.delegate = self
      let preface = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
      let fields = [
        (name: ":method", value: "POST"), (":scheme", "https"), (":path", "/a/b"),
        (":authority", "test"),
      ]
      let request = RawFrame.headers(1, fields, end: requestEnds)
      for bytes in [preface, RawFrame.settings, RawFrame.settingsAnswer, request] {
        try receive(bytes)
      }
      _ = try frames()
    }

    deinit { machine.session.delegate = nil }

    func receive(_ bytes: ByteBuffer) throws { try machine.session.receive(bytes, now: .now()) }

    /// The frames that wait to be sent, taken out.
    func frames() throws -> [Frame] {
      var bytes = ByteBuffer()
      while machine.session.takeOutput(into: &bytes, limit: bytes.readableBytes + 1_000) {}
      var frames: [Frame] = []
      while bytes.readableBytes > 0 {
        let head = bytes.readMultipleIntegers(as: (UInt8, UInt16, UInt8, UInt8, Int32).self)
        let (high, low, type, flags, stream) = try #require(head)
        let body = bytes.readBytes(length: Int(high) << 16 | Int(low))
        let payload = try #require(body)
        frames.append(Frame(type: type, flags: flags, stream: stream, payload: payload))
      }
      return frames
    }

    func headersReceived(_ headers: HTTP2HeaderBlock, on stream: HTTP2Stream) {
      streams.append(stream)
    }
    func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) { endings[stream.id] = code }
    func settingsReceived() {}
    func dataReceived(_ chunk: ByteBuffer, on stream: HTTP2Stream) {}
    func peerEnded(_ stream: HTTP2Stream) {}
    func drained(_ count: Int, on stream: HTTP2Stream) {}
    func pingAnswered() {}
    func goAwayReceived(lastStreamID: Int32, _ code: HTTP2ErrorCode) {}
  }

  @Test(
    "they follow the last DATA, and end the stream in its place", arguments: [1, 16_379, 40_000])
  func followsData(size: Int) throws {
    let server = try Server()
    let stream = try #require(server.streams.first)
    server.machine.respond(Self.head, on: stream)
    server.machine.session.send(ByteBuffer(repeating: 7, count: size), on: stream)
    server.machine.session.end(stream, trailers: Self.constant)
    let frames = try server.frames()
    let data = frames.filter { $0.type == 0 }
    #expect(frames.map(\.type) == [1] + data.map(\.type) + [1])
    #expect(data.allSatisfy { $0.flags == 0 })
    #expect(data.map(\.payload.count).reduce(0, +) == size + 5)
    #expect(frames.last == Frame(type: 1, flags: 5, stream: 1, payload: Self.literals))
    #expect(server.endings == [1: .noError])
  }

  @Test("without a message there is no DATA before them")
  func followsHead() throws {
    let server = try Server()
    let stream = try #require(server.streams.first)
    server.machine.respond(Self.head, on: stream)
    #expect(try server.frames().map(\.type) == [1])
    server.machine.session.end(stream, trailers: Self.constant)
    #expect(
      try server.frames() == [Frame(type: 1, flags: 5, stream: 1, payload: Self.literals)])
    #expect(server.endings == [1: .noError])
  }

  @Test("a peer that still sends its request is told to stop")
  func stopsRequest() throws {
    let server = try Server(requestEnds: false)
    let stream = try #require(server.streams.first)
    server.machine.respond(Self.head, on: stream)
    server.machine.session.send(ByteBuffer(string: "x"), on: stream)
    server.machine.session.end(stream, trailers: Self.constant)
    let frames = try server.frames()
    #expect(frames.map(\.type) == [1, 0, 1, 3])
    #expect(frames.last?.payload == [0, 0, 0, 0])
  }

  /// RFC 7541 section 4.2: the first header list after the change says the table's new size.
  @Test("when the peer has changed its table of fields, nghttp2 writes them and says so")
  func tableChanged() throws {
    let server = try Server()
    let stream = try #require(server.streams.first)
    server.machine.respond(Self.head, on: stream)
    server.machine.session.send(ByteBuffer(string: "x"), on: stream)
    _ = try server.frames()
    // HEADER_TABLE_SIZE 64.
    try server.receive(RawFrame.frame(4, [0, 1, 0, 0, 0, 64]))
    server.machine.session.end(stream, trailers: Self.constant)
    let last = try #require(try server.frames().last)
    #expect(last.type == 1 && last.flags == 5)
    #expect(last.payload.starts(with: [0x3F, 33]))
    #expect(server.endings == [1: .noError])
  }
}
