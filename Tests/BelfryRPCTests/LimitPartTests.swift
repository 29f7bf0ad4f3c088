import BelfryNet
import BelfryRPC
import Foundation
import NIOCore
import Testing

/// The small machines behind the limits, without a network.
@Suite struct LimitPartTests {
  private let zero = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test("a bucket gives its burst, then so many a second")
  func bucket() {
    var bucket = TokenBucket(burst: 3, perSecond: 2, now: zero)
    func taken(_ count: Int, at time: NIODeadline) -> Int {
      (0..<count).count { _ in bucket.take(now: time) }
    }
    let atOnce = taken(5, at: zero)
    #expect(atOnce == 3)
    let tooSoon = bucket.hasToken(now: zero + .milliseconds(400))
    #expect(!tooSoon)
    let halfASecondLater = taken(2, at: zero + .milliseconds(500))
    #expect(halfASecondLater == 1)
    let muchLater = taken(5, at: zero + .hours(9))
    #expect(muchLater == 3)
  }

  @Test("a peer that takes nothing, or too little, is noticed; one that takes enough is not")
  func output() {
    func verdict(_ bytesPerSecond: Int, waiting: Int = 1_000_000) -> HTTP2Error.Kind? {
      var watch = OutputWatch(OutputWatch.Limits())
      for second in 0..<100 {
        let error = watch.check(
          now: zero + .seconds(Int64(second)), waiting: waiting, taken: second * bytesPerSecond)
        if let error { return error.kind }
      }
      return nil
    }
    #expect(verdict(0) == .stalled)
    #expect(verdict(1_000) == .slowReader)
    #expect(verdict(1_024) == nil)
    #expect(verdict(0, waiting: 0) == nil)
  }

  @Test("a pause ends when nothing waits any more")
  func outputBreak() {
    var watch = OutputWatch(OutputWatch.Limits())
    for second in 0..<60 {
      let waiting = second % 9 == 8 ? 0 : 100
      let error = watch.check(now: zero + .seconds(Int64(second)), waiting: waiting, taken: 0)
      #expect(error == nil)
    }
  }

  @Test("heads of frames are found wherever the reads are cut", arguments: 1...40)
  func scanner(size: Int) {
    let frames: [(type: UInt8, length: Int)] = [(4, 0), (0, 3), (1, 40), (0x99, 1), (0, 16_384)]
    var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    for (number, frame) in frames.enumerated() {
      bytes += [0, UInt8(frame.length >> 8), UInt8(frame.length & 255), frame.type, 5, 0, 0, 0]
      bytes += [UInt8(number)] + [UInt8](repeating: 0xAA, count: frame.length)
    }
    var scanner = FrameScanner(prefaceBytes: 24)
    var seen: [String] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      Array(bytes[start..<min(bytes.count, start + size)]).withUnsafeBytes { part in
        scanner.scan(part) { seen.append("\($0.type) \($0.flags) \($0.length) \($0.stream)") }
      }
    }
    #expect(
      seen == frames.enumerated().map { "\($1.type) 5 \($1.length) \($0)" }, "reads of \(size)")
  }

  @Test("each limit has a name of its own, a reason, and can be set")
  func settings() {
    #expect(Set(RPCLimits.settings.map(\.name)).count == RPCLimits.settings.count)
    for setting in RPCLimits.settings {
      var limits = RPCLimits()
      #expect(setting.reason.count > 10)
      let why = limits.set("\(setting.name)=7")
      #expect(why == nil)
      #expect(setting.value(limits) == 7)
    }
  }

  @Test("docs/security.md lists each limit as it is")
  func page() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let page = try String(contentsOf: root.appending(path: "docs/security.md"), encoding: .utf8)
    for setting in RPCLimits.settings {
      let unit = setting.unit.rawValue
      let value = "\(setting.value(RPCLimits()))" + (unit.isEmpty ? "" : " " + unit)
      let line = "| `\(setting.name)` | \(value) | \(setting.reason) |"
      #expect(page.contains(line), "missing: \(line)")
    }
  }

  @Test(
    "what is no limit, or no value for it, is not accepted",
    arguments: [
      "idle-time", "idle-time=", "idle-time=0", "idle-time=-1", "idle-time=1.5", "x=1", "=1",
      "streams=2147483648", "streams=99999999999999999999", "idle-time=1=2", "",
    ])
  func noSetting(text: String) {
    var limits = RPCLimits()
    let why = limits.set(text)
    #expect(why != nil)
  }
}
