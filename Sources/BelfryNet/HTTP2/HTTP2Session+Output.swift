internal import CNghttp2
package import NIOCore

/// What goes out: frames of nghttp2's, DATA and trailers of ours, into pieces of a buffer.
extension HTTP2Session {
  /// Appends up to about `limit` bytes of frames to `buffer`; false when nothing more waits.
  package func takeOutput(into buffer: inout ByteBuffer, limit: Int) -> Bool {
    memory.enter()
    isWithin = true
    defer { isWithin = false }
    var room = Self.outputRoom
    var more = true
    while more, buffer.readableBytes < limit {
      let wanted = limit - buffer.readableBytes
      unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
        unsafe output.begin(in: space, bytesMax: wanted)
        more = fillOutput()
        return output.end()
      }
      if let rest = unsafe output.takeRest() { unsafe buffer.writeBytes(rest) }
      room = min(room * 8, limit + HTTP2Output.frameBytesMax)
    }
    reportDrained()
    return more
  }

  /// Enough for a few answers; a peer for whom more waits gets a piece of the whole size.
  private static let outputRoom = 4_096

  /// Takes frames while there is room; false when nothing more waits.
  private func fillOutput() -> Bool {
    while !output.isFull {
      var bytes: UnsafePointer<UInt8>?
      let count = unsafe nghttp2_session_mem_send(entered, &bytes)
      // No-copy frames are written by the callback: an empty answer while there is room is the end.
      guard count > 0, let start = unsafe bytes else { return output.isFull }
      unsafe output.append(UnsafeRawPointer(start), count)
    }
    return true
  }

  // MARK: For the callbacks

  /// Sends the trailing header list of a stream whose last bytes are being sent: true when it follows
  /// them in `writeData`, false when nghttp2 has it. What nghttp2 has costs a frame of its own there,
  /// with all that is allocated, queued and packed for it.
  func trail(_ stream: HTTP2Stream, with fields: HTTP2FieldBlock) -> Bool {
    if isTableSettled, fields.frame != nil {
      stream.isTrailed = true
      return true
    }
    check(
      unsafe nghttp2_submit_trailer(handle, stream.id, fields.pointer, fields.count), "trailers")
    return false
  }

  /// Writes one DATA frame; false when this turn's share is used up.
  func writeData(
    _ stream: HTTP2Stream, header: UnsafePointer<UInt8>, count: Int
  ) -> Bool {
    let trailers = stream.isTrailed ? stream.trailers?.frame : nil
    // A frame without bytes only says that the stream ends, which the trailers do.
    let dataBytes = count == 0 && trailers != nil ? 0 : HTTP2Output.headBytes + count
    guard let place = unsafe output.take(dataBytes + (trailers?.count ?? 0)) else { return false }
    if dataBytes > 0 {
      unsafe place.copyMemory(from: header, byteCount: HTTP2Output.headBytes)
      unsafe stream.outbound.move(count, to: place + HTTP2Output.headBytes)
    }
    if let trailers {
      // nghttp2 ends the stream with its DATA.
      if dataBytes > 0 { unsafe HTTP2Output.clearEndStream(place) }
      unsafe trailers.write(to: place + dataBytes, streamID: stream.id)
    }
    windowUpdatesOwed = min(windowUpdatesOwed &+ 2, Self.windowUpdatesOwedMax)
    pings?.somethingSent()
    if stream.reportsDrain {
      if stream.drainedBytes == 0, count > 0 { drained.append(stream) }
      stream.drainedBytes += count
    }
    return true
  }

  // MARK: Private

  private func reportDrained() {
    guard !drained.isEmpty else { return }
    var streams: [HTTP2Stream] = []
    swap(&streams, &drained)
    for stream in streams {
      let count = stream.drainedBytes
      stream.drainedBytes = 0
      listener?.delegate.drained(count, on: stream)
    }
  }
}
