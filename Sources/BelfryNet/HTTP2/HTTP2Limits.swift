package import NIOCore

/// How much of us one HTTP/2 connection may use. Defaults are safe with hostile peers.
package struct HTTP2Limits: Sendable, Equatable {
  /// Streams a peer may have open at once (SETTINGS_MAX_CONCURRENT_STREAMS). More are refused.
  package var concurrentStreamsMax: UInt32 = 128
  /// Bytes of one header list, 32 counted for each field as RFC 9113 section 6.5.2 does.
  package var headerListBytesMax = 16_384
  package var headerFieldsMax = 64
  /// Bytes a peer may send on one stream before we have taken them (flow-control window).
  package var streamWindowBytes: Int32 = 256 * 1_024
  /// The same for all streams of a connection together.
  package var connectionWindowBytes: Int32 = 1_024 * 1_024
  /// RST_STREAM frames accepted in a burst, and each second after it.
  package var resetBurst = 200
  package var resetsPerSecond = 20
  /// CONTINUATION frames accepted for one header block.
  package var continuationsMax = 4
  /// Entries accepted in one SETTINGS frame.
  package var settingsEntriesMax = 16
  /// SETTINGS and PING answers that may wait to be sent.
  package var outboundAcksMax = 64
  /// Frames that are legal and pointless: burst, and each second after it; then the connection ends.
  /// These cost one: a stream we had to reset or refuse, PING, SETTINGS, PRIORITY, GOAWAY, unknown
  /// frames, header lists of streams that are gone, WINDOW_UPDATE below 1 KiB or without DATA of ours
  /// to explain it, DATA that is padded or below 5 bytes without END_STREAM. An honest peer sends a few
  /// a second. Rejected: limits a kind of frame, which an attacker mixes around.
  package var glitchBurst = 200
  package var glitchesPerSecond = 20
  /// PINGs a client may send sooner than this after the one before, while we send nothing: as many as
  /// there are strikes, then the connection ends (see `PingPolicy`). For servers. A client of ours
  /// whose keepalive asks more often needs a server that allows it.
  package var pingIntervalMin = TimeAmount.minutes(5)
  package var pingStrikesMax = 2
  /// Encrypted bytes waiting for the socket; above it nothing more is read from the peer.
  package var outputBytesMax = 1_024 * 1_024

  package init() {}
}
