import BelfryNet
import NIOCore
import Testing

@testable import BelfryRPC

/// The small codings of gRPC, each by itself.
@Suite struct CodingTests {
  @Test(
    "percent coding",
    arguments: [
      ("plain", "plain"), ("a b", "a b"), ("100%", "100%25"), ("☺\n", "%E2%98%BA%0A"),
      ("\u{7F}~", "%7F~"), ("", ""),
    ])
  func percent(text: String, coded: String) {
    #expect(PercentEncoding.encode(text) == coded)
    #expect(PercentEncoding.decode(coded.utf8) == text)
  }

  @Test("bad escapes stay as they are")
  func badEscapes() {
    #expect(PercentEncoding.decode("a%20b%E2%98%BA%zz%4".utf8) == "a b☺%zz%4")
    #expect(PercentEncoding.decode("%".utf8) == "%")
    #expect(PercentEncoding.decode("%FF".utf8) == "\u{FFFD}")
  }

  @Test(
    "time-outs are read in every unit",
    arguments: [
      ("1n", 1), ("2u", 2_000), ("3m", 3_000_000), ("4S", 4_000_000_000),
      ("5M", 300_000_000_000), ("6H", 21_600_000_000_000), ("00000001S", 1_000_000_000),
      ("99999999H", Int64.max / 2),
    ] as [(String, Int64)])
  func timeouts(text: String, nanoseconds: Int64) {
    #expect(CallTimeout.parse(text.utf8) == .nanoseconds(nanoseconds))
  }

  @Test(
    "malformed time-outs are none",
    arguments: ["", "S", "1", "1s", "-1S", "+1S", " 1S", "1 S", "123456789S", "1.5S", "٣S"])
  func badTimeouts(text: String) { #expect(CallTimeout.parse(text.utf8) == nil) }

  @Test(
    "time-outs are written in the finest unit that fits, rounded up",
    arguments: [
      (0, "0n"), (-5, "0n"), (99_999_999, "99999999n"), (100_000_001, "100001u"),
      (5_000_000_000, "5000000u"), (Int64.max / 2, "76861434M"),
    ] as [(Int64, String)])
  func writtenTimeouts(nanoseconds: Int64, text: String) {
    #expect(CallTimeout.format(.nanoseconds(nanoseconds)) == text)
  }

  @Test("Base64 round-trips for every length, and reads padding")
  func base64() {
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
      let text = Base64.encode(bytes)
      #expect(!text.contains("="))
      #expect(Base64.decode(text.utf8) == bytes)
      let padded = text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
      #expect(Base64.decode(padded.utf8) == bytes)
    }
    for bad in ["A", "AAAAA", "A*==", "AA AA", "===="] {
      #expect(Base64.decode(bad.utf8) == nil, "\(bad)")
    }
  }

  @Test("metadata is read as gRPC says, and protocol fields are not shown")
  func metadata() {
    let metadata = Metadata(
      HTTP2HeaderBlock([
        (":path", "/a/b"), ("te", "trailers"), ("content-type", "application/grpc"),
        ("grpc-timeout", "1S"), ("a", "1"), ("b-bin", "AP8=,AQ"), ("a", "2"),
        ("c-bin", "not base64!"),
      ]))
    #expect(metadata.entries.map(\.name) == ["a", "b-bin", "b-bin", "a"])
    #expect(metadata.all("b-bin") == [.bytes([0, 255]), .bytes([1])])
    #expect(metadata.all("a") == [.text("1"), .text("2")])
  }

  @Test("metadata that may not be sent is not taken")
  func refusedMetadata() {
    var metadata = Metadata()
    for name in ["", "grpc-status", ":path", "te", "content-type", "a b", "é", "x-bin"] {
      metadata.add(name, "1")
    }
    metadata.add("a", "line\nbreak")
    metadata.add("a", bytes: [1])
    #expect(metadata.isEmpty)
  }

  @Test("messages are cut out of a body however it is split")
  func deframer() throws {
    var body = ByteBuffer()
    let messages = [0, 1, 4, 5, 6, 300].map { ByteBuffer(repeating: UInt8($0 & 255), count: $0) }
    for message in messages {
      body.writeInteger(UInt8(0))
      body.writeInteger(UInt32(message.readableBytes))
      body.writeImmutableBuffer(message)
    }
    for first in 0...body.readableBytes {
      for step in [1, 2, 7, 1_000] {
        var deframer = MessageDeframer(messageBytesMax: 1_000)
        var rest = body
        var found: [ByteBuffer] = []
        var size = first
        while rest.readableBytes > 0 {
          guard var chunk = rest.readSlice(length: min(max(1, size), rest.readableBytes)) else {
            break
          }
          while let message = try deframer.next(from: &chunk) { found.append(message) }
          #expect(chunk.readableBytes == 0)
          size = step
        }
        #expect(found == messages)
        #expect(deframer.isAtBoundary)
      }
    }
  }

  @Test("back-off grows by 1.6 to two minutes, varied by a fifth, and starts anew")
  func backoff() {
    var backoff = Backoff()
    #expect(backoff.failed(random: 0.5) == .milliseconds(1_000))
    #expect(backoff.failed(random: 0) == .milliseconds(1_280))
    #expect(backoff.failed(random: 1) == .milliseconds(3_072))
    for _ in 0..<20 { _ = backoff.failed(random: 0.5) }
    #expect(backoff.failed(random: 0.5) == .seconds(120))
    backoff.succeeded()
    #expect(backoff.failed(random: 0.5) == .milliseconds(1_000))
  }
}
