/// Why an HTTP/2 connection had to end.
package struct HTTP2Error: Error, Equatable, Sendable, CustomStringConvertible {
  /// The raw value is the reason under which a server counts it.
  package enum Kind: String, Sendable, Equatable, CaseIterable {
    /// The peer broke the protocol.
    case protocolError = "protocol"
    /// More, or longer, header fields than allowed.
    case headerList = "header-list"
    /// Too many frames that are legal and pointless.
    case glitches
    /// Too many streams broken off.
    case resets
    /// A keepalive that asks too often.
    case pings
    /// The peer did not send its preface and SETTINGS in time.
    case preface
    /// A header list was begun and not ended in time.
    case slowHeaders = "slow-headers"
    /// The peer took nothing of what we sent for too long.
    case stalled
    /// The peer takes what we send too slowly.
    case slowReader = "slow-reader"
    /// The peer did not answer a PING of ours.
    case silent
    /// No call for a long time.
    case idle
    /// The connection is as old as one may become.
    case age
    /// The peer's certificate has ended.
    case expired
    /// The connection ended under its streams, by our will or without it.
    case closed
  }

  package let kind: Kind
  package let reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  package var description: String { reason }
}

/// Error codes of RFC 9113 section 7.
package struct HTTP2ErrorCode: RawRepresentable, Sendable, Hashable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  package static let noError = HTTP2ErrorCode(rawValue: 0)
  package static let protocolError = HTTP2ErrorCode(rawValue: 1)
  package static let internalError = HTTP2ErrorCode(rawValue: 2)
  package static let refusedStream = HTTP2ErrorCode(rawValue: 7)
  package static let cancel = HTTP2ErrorCode(rawValue: 8)
  package static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 11)
  package static let inadequateSecurity = HTTP2ErrorCode(rawValue: 12)
}
