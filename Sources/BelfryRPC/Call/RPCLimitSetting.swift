internal import BelfryNet
internal import NIOCore

/// One limit by its name: for the command line, and for people who ask what there is and why.
package struct RPCLimitSetting: Sendable {
  package enum Unit: String, Sendable {
    case count = ""
    case bytes, milliseconds = "ms", perSecond = "/s", bytesPerSecond = "bytes/s"
  }

  package let name: String
  package let unit: Unit
  package let reason: String
  package let value: @Sendable (RPCLimits) -> Int
  fileprivate let set: @Sendable (inout RPCLimits, Int) -> Bool
  fileprivate var least = 1

  fileprivate init<Number: BinaryInteger & SendableMetatype>(
    _ name: String, _ unit: Unit, _ path: any WritableKeyPath<RPCLimits, Number> & Sendable,
    _ reason: String
  ) {
    (self.name, self.unit, self.reason) = (name, unit, reason)
    value = { Int(clamping: $0[keyPath: path]) }
    set = { limits, value in
      guard let number = Number(exactly: value) else { return false }
      limits[keyPath: path] = number
      return true
    }
  }

  fileprivate init(
    _ name: String, _ path: any WritableKeyPath<RPCLimits, TimeAmount> & Sendable, least: Int = 1,
    _ reason: String
  ) {
    (self.name, unit, self.reason) = (name, .milliseconds, reason)
    self.least = least
    value = { Int($0[keyPath: path].nanoseconds / 1_000_000) }
    set = { limits, value in
      limits[keyPath: path] = .milliseconds(Int64(value))
      return true
    }
  }
}

extension RPCLimits {
  /// Changes one limit, given as `name=value`, the value a number in the limit's unit.
  /// - Returns: nil, or why it was not accepted.
  package mutating func set(_ text: String) -> String? {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return "NAME=VALUE is asked for" }
    guard let setting = Self.settings.first(where: { $0.name == parts[0] }) else {
      return "there is no limit \(parts[0])"
    }
    guard let value = Int(parts[1]), (setting.least...Int(Int32.max)).contains(value),
      setting.set(&self, value)
    else { return "\(setting.name) is a number from \(setting.least) to \(Int32.max)" }
    return nil
  }

  package static let settings: [RPCLimitSetting] = connections + time + http2 + messages

  private static let connections: [RPCLimitSetting] = [
    .init(
      "connections", .count, \.connectionsMax,
      "each costs a file descriptor and about 40 KB; more are closed at once"),
    .init(
      "connections-per-address", .count, \.strangersPerAddressMax,
      "of one address, without a certificate or not yet: one machine cannot take all places"),
    .init(
      "handshakes", .count, \.handshakesMax,
      "TLS handshakes under way; above it no more connections are accepted for a moment"),
    .init(
      "handshakes-per-second", .perSecond, \.handshakesPerSecond,
      "a handshake costs us about 1 ms of CPU, and a stranger almost nothing"),
  ]

  private static let time: [RPCLimitSetting] = [
    .init(
      "tls-time", \.tlsTimeout, "a handshake takes two round trips; a slow one holds its place"),
    .init(
      "preface-time", \.timers.settings, "who has shown a certificate says HTTP/2 at once, or never"
    ),
    .init("header-time", \.timers.headers, "a header list that does not end blocks its connection"),
    .init("body-gap", \.bodyGapMax, "longest pause in the request of a call with one message"),
    .init(
      "body-rate", .bytesPerSecond, \.bodyBytesPerSecondMin,
      "least speed of such a request: one byte each few seconds would hold a call for days"),
    .init(
      "idle-time", \.idleMax, "a connection without a call is told to leave: calls make a new one"),
    .init("leave-time", \.leaveMax, "what calls have left after that, then they are ended"),
    .init(
      "age", \.ageMax, least: 0,
      "age at which a connection is told to leave; 0: never, as sessions of workers are meant to last"
    ),
    .init("quiet-time", \.quietMax, "a peer with calls that says nothing is sent a PING"),
    .init(
      "ping-time", \.pingTimeout, "who does not answer it is gone, and holds calls for nothing"),
    .init(
      "drain-time", \.timers.output.drain,
      "longest time a peer may take nothing of what waits for it (zero window, no reading)"),
    .init("slow-time", \.timers.output.slowTime, "over this time it must take some of it, namely:"),
    .init(
      "slow-rate", .bytesPerSecond, \.timers.output.bytesPerSecondMin,
      "least speed of a peer for whom something waits"),
  ]

  private static let http2: [RPCLimitSetting] = [
    .init(
      "streams", .count, \.http2.concurrentStreamsMax,
      "calls of one connection at once; counted until the handler ends, also after a reset"),
    .init("header-bytes", .bytes, \.http2.headerListBytesMax, "counted as they are unpacked"),
    .init("header-fields", .count, \.http2.headerFieldsMax, "counted as they are unpacked"),
    .init(
      "continuations", .count, \.http2.continuationsMax, "frames that continue one header list"),
    .init(
      "stream-window", .bytes, \.http2.streamWindowBytes, "sent on a stream before we took it"),
    .init(
      "connection-window", .bytes, \.http2.connectionWindowBytes,
      "sent on a connection before we took it"),
    .init(
      "reset-burst", .count, \.http2.resetBurst,
      "streams broken off at once: each makes us work for nothing (CVE-2023-44487)"),
    .init("reset-rate", .perSecond, \.http2.resetsPerSecond, "the same, for ever"),
    .init(
      "glitch-burst", .count, \.http2.glitchBurst,
      "frames that are legal and pointless, or make us reset a stream (CVE-2025-8671)"),
    .init("glitch-rate", .perSecond, \.http2.glitchesPerSecond, "the same, for ever"),
    .init(
      "ping-interval", \.http2.pingIntervalMin,
      "least time between PINGs of a client to whom we send nothing, as gRPC has it"),
    .init("ping-strikes", .count, \.http2.pingStrikesMax, "PINGs that may come sooner"),
    .init("settings-entries", .count, \.http2.settingsEntriesMax, "entries of one SETTINGS frame"),
    .init(
      "acks", .count, \.http2.outboundAcksMax,
      "answers to SETTINGS and PING that wait for a peer who does not read"),
    .init(
      "output", .bytes, \.http2.outputBytesMax,
      "wait for the socket; above it nothing more is read from the peer"),
  ]

  private static let messages: [RPCLimitSetting] = [
    .init(
      "message", .bytes, \.messageBytesMax,
      "one message, decided on its prefix, and again while it is unpacked"),
    .init("writer", .bytes, \.writerBytesMax, "a stream's messages that wait for the peer"),
    .init("reader", .bytes, \.readerBytesMax, "a stream's messages that wait for their handler"),
    .init(
      "receive", .bytes, \.receiveBytesMax,
      "unfinished messages of all connections; then the calls of the greediest are ended"),
  ]
}
