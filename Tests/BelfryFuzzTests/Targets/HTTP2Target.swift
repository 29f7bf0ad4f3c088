import BelfryNet
import NIOCore

/// A server's end of a connection: frames of any kind in pieces of any size, answered as they come,
/// with output taken, or not, in between. Nothing may trap; after its end a connection stays ended.
func fuzzHTTP2(_ input: inout FuzzInput) throws {
  var limits = HTTP2Limits()
  limits.headerListBytesMax = 1_024
  let machine = HTTP2ServerMachine(limits: limits, now: .now())
  let answers = EchoingServer(machine)
  machine.session.delegate = answers
  defer { machine.session.delegate = nil }
  var ended: HTTP2Error?
  var output = ByteBuffer()
  func receive(_ bytes: [UInt8]) throws {
    let wasEnded = ended != nil
    do throws(HTTP2Error) {
      try machine.session.receive(ByteBuffer(bytes: bytes), now: .now())
    } catch {
      ended = error
      return
    }
    try promise(!wasEnded, "it takes bytes after its end: \(ended.debugDescription)")
  }
  try receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
  while !input.isEmpty {
    let choice = input.byte()
    answers.style = choice >> 4
    switch choice & 15 {
    case 8, 9: _ = machine.session.takeOutput(into: &output, limit: Int(input.byte()))
    case 10: machine.session.announceShutdown()
    case 11: machine.session.refuseNewStreams()
    case 12: machine.session.ping()
    case 13: machine.session.terminate(.enhanceYourCalm, HTTP2Error(.closed, "enough"))
    case 14: answers.resetAll()
    default: try receive(input.chunk())
    }
  }
  while machine.session.takeOutput(into: &output, limit: 65_536) { output.clear() }
}

/// Answers in the way of the moment: at once, when the request has ended, or not at all.
private final class EchoingServer: HTTP2SessionDelegate {
  var style: UInt8 = 0
  private let machine: HTTP2ServerMachine

  init(_ machine: HTTP2ServerMachine) { self.machine = machine }

  func resetAll() {
    for stream in machine.session.liveStreams { machine.session.reset(stream, .cancel) }
  }

  func headersReceived(_ headers: HTTP2HeaderBlock, on stream: HTTP2Stream) {
    var fields = [(name: ":status", value: "200")]
    for field in headers.fields where headers.name(of: field).first != UInt8(ascii: ":") {
      fields.append(
        (String(decoding: headers.name(of: field), as: UTF8.self), headers.text(of: field)))
    }
    guard !stream.hasAnswered, stream.owner == nil else { return }
    if style & 1 == 0 {
      stream.owner = self
      stream.reportsDrain = style & 4 != 0
      machine.respond(HTTP2FieldBlock(fields), on: stream)
    } else {
      machine.respondOnly(HTTP2FieldBlock(fields), on: stream)
    }
  }

  func dataReceived(_ chunk: ByteBuffer, on stream: HTTP2Stream) {
    machine.session.consumeConnection(chunk.readableBytes)
    if style & 2 == 0 { machine.session.consume(chunk.readableBytes, on: stream) }
    if stream.owner != nil { machine.session.send(chunk, on: stream) }
  }

  func peerEnded(_ stream: HTTP2Stream) {
    guard stream.owner != nil else { return }
    machine.session.end(
      stream, trailers: style & 8 == 0 ? HTTP2FieldBlock([("grpc-status", "0")]) : nil)
  }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) { stream.owner = nil }

  func settingsReceived() {}
  func drained(_ count: Int, on stream: HTTP2Stream) {}
  func pingAnswered() {}
  func goAwayReceived(lastStreamID: Int32, _ code: HTTP2ErrorCode) {}
}
