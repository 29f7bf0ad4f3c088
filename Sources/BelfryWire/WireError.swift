/// Why bytes are no message: the peer's fault, never ours.
///
/// Thrown by every reading call. The scope is the message: the caller drops it and answers the
/// call with `INVALID_ARGUMENT` or `INTERNAL`; the connection and its other streams are unharmed.
@usableFromInline
package struct WireError: Error, Equatable, Sendable {
  @usableFromInline
  package enum Reason: String, Equatable, Sendable, CaseIterable {
    /// A value needs more bytes than its block, part or message has left.
    case truncated = "cut off"
    /// A length names more bytes than are left around it.
    case lengthBeyondEnd = "a length goes past the end"
    /// A count names more elements than the bytes left could hold.
    case countBeyondEnd = "a count goes past the end"
    /// A part that has a fixed form is longer than its contents.
    case trailingBytes = "bytes after the end of a part"
    /// A string that is not UTF-8.
    case badUTF8 = "text that is not UTF-8"
    /// A bool that is neither 0 nor 1.
    case badBool = "a bool that is neither 0 nor 1"
    /// More than ``WireReader/depthMax`` messages inside each other.
    case tooDeep = "messages nested too deeply"
  }

  @usableFromInline
  package var reason: Reason
  /// Where in the outermost message, in bytes from its start.
  @usableFromInline
  package var offset: Int

  @inlinable
  package init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

extension WireError: CustomStringConvertible {
  @usableFromInline
  package var description: String { "\(reason.rawValue), at byte \(offset)" }
}
