internal import CNghttp2

/// nghttp2's callbacks: each only unwraps and forwards to the session, none calls back into nghttp2
/// except where its documentation allows it (trailers, termination).
enum HTTP2Callbacks {
  /// Owner of the one table all sessions share; lives as long as the program.
  @safe final class Table: @unchecked Sendable {
    let pointer: OpaquePointer

    init() {
      var created: OpaquePointer?
      guard unsafe nghttp2_session_callbacks_new(&created) == 0, let table = unsafe created
      else { fatalError("out of memory") }
      unsafe pointer = table
      unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table, onBeginHeaders)
      unsafe nghttp2_session_callbacks_set_on_header_callback(table, onHeader)
      unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table, onFrame)
      unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table, onInvalidFrame)
      unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, onData)
      unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table, onStreamClose)
      unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table, onFrameSent)
      unsafe nghttp2_session_callbacks_set_send_data_callback(table, onSendData)
    }
  }

  static let table = Table()

  /// Where nghttp2 gets a stream's body from. The session keeps the stream alive meanwhile.
  static func provider(for stream: HTTP2Stream) -> nghttp2_data_provider {
    var source = unsafe nghttp2_data_source()
    unsafe source.ptr = Unmanaged.passUnretained(stream).toOpaque()
    return unsafe nghttp2_data_provider(source: source, read_callback: onReadBody)
  }
}

/// Lends the session, which is alive as long as nghttp2 has it: so it is not counted, in what is done
/// thirty times a call.
@inline(__always)
private func with<Result>(
  _ state: UnsafeMutableRawPointer?, or nothing: Result, _ body: (HTTP2Session) -> Result
) -> Result {
  guard let state = unsafe state else { return nothing }
  return unsafe Unmanaged<HTTP2Session>.fromOpaque(state)._withUnsafeGuaranteedRef(body)
}

/// Lends a stream; the session keeps it alive until it is closed.
@inline(__always)
private func with<Result>(
  _ source: UnsafeMutablePointer<nghttp2_data_source>?, or nothing: Result,
  _ body: (HTTP2Stream) -> Result
) -> Result {
  guard let owner = unsafe source?.pointee.ptr else { return nothing }
  return unsafe Unmanaged<HTTP2Stream>.fromOpaque(owner)._withUnsafeGuaranteedRef(body)
}

private func has(_ frame: nghttp2_frame_hd, _ flag: nghttp2_flag) -> Bool {
  UInt32(frame.flags) & UInt32(flag.rawValue) != 0
}

private func isType(_ frame: nghttp2_frame_hd, _ type: nghttp2_frame_type) -> Bool {
  UInt32(frame.type) == UInt32(type.rawValue)
}

private func onBeginHeaders(
  _: OpaquePointer?, frame: UnsafePointer<nghttp2_frame>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    guard let frame = unsafe frame else { return 0 }
    session.headersBegan()
    if unsafe isType(frame.pointee.hd, NGHTTP2_HEADERS),
      unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
    {
      unsafe session.streamBegan(frame.pointee.hd.stream_id)
    }
    return 0
  }
}

private func onHeader(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, name: UnsafePointer<UInt8>?,
  nameCount: Int, value: UnsafePointer<UInt8>?, valueCount: Int, _: UInt8,
  state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    let kept = unsafe session.fieldReceived(
      name: UnsafeBufferPointer(start: name, count: nameCount),
      value: UnsafeBufferPointer(start: value, count: valueCount))
    // Paused for ever: decoding the rest of a bomb is what must not happen.
    return kept ? 0 : NGHTTP2_ERR_PAUSE.rawValue
  }
}

private func onFrame(
  _: OpaquePointer?, frame: UnsafePointer<nghttp2_frame>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    guard let frame = unsafe frame else { return 0 }
    let header = unsafe frame.pointee.hd
    let isAck = has(header, NGHTTP2_FLAG_ACK)
    switch UInt32(header.type) {
    case UInt32(NGHTTP2_DATA.rawValue):
      if has(header, NGHTTP2_FLAG_END_STREAM) {
        session.withStream(header.stream_id) { session.ended($0) }
      }
    case UInt32(NGHTTP2_HEADERS.rawValue):
      let ended = has(header, NGHTTP2_FLAG_END_STREAM)
      session.withStream(header.stream_id) { session.headersReceived($0, ended: ended) }
    case UInt32(NGHTTP2_SETTINGS.rawValue):
      if !isAck { session.settingsReceived() }
    case UInt32(NGHTTP2_PING.rawValue):
      if isAck { session.pingAnswered() } else { session.pingReceived() }
    case UInt32(NGHTTP2_WINDOW_UPDATE.rawValue):
      if unsafe frame.pointee.window_update.window_size_increment < 1_024 { session.glitch() }
    case UInt32(NGHTTP2_GOAWAY.rawValue):
      unsafe session.goAwayReceived(
        lastStreamID: frame.pointee.goaway.last_stream_id, frame.pointee.goaway.error_code)
    default: break
    }
    return 0
  }
}

private func onInvalidFrame(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _: Int32, state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    session.invalidFrameReceived()
    return 0
  }
}

private func onData(
  _: OpaquePointer?, _: UInt8, id: Int32, bytes: UnsafePointer<UInt8>?, count: Int,
  state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    let address = UInt(bitPattern: bytes)
    let isKnown = session.withStream(id) { session.dataReceived($0, at: address, count: count) }
    if !isKnown { session.consumeConnection(count) }
    return 0
  }
}

private func onStreamClose(
  _: OpaquePointer?, id: Int32, code: UInt32, state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    session.withStream(id) { session.streamClosed($0, code) }
    return 0
  }
}

private func onFrameSent(
  _: OpaquePointer?, frame: UnsafePointer<nghttp2_frame>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe with(state, or: 0) { session in
    guard let frame = unsafe frame else { return 0 }
    let header = unsafe frame.pointee.hd
    if isType(header, NGHTTP2_RST_STREAM) {
      switch HTTP2ErrorCode(rawValue: unsafe frame.pointee.rst_stream.error_code) {
      case .noError, .cancel: break
      case .refusedStream:
        session.listener?.delegate.streamRefused()
        session.glitch()
      default: session.glitch()
      }
    } else if isType(header, NGHTTP2_GOAWAY) {
      session.goAwaySent(HTTP2ErrorCode(rawValue: unsafe frame.pointee.goaway.error_code))
    } else if isType(header, NGHTTP2_HEADERS) {
      session.headersSent()
      if has(header, NGHTTP2_FLAG_END_STREAM) { session.answerSent(header.stream_id) }
    } else if isType(header, NGHTTP2_DATA), has(header, NGHTTP2_FLAG_END_STREAM) {
      session.answerSent(header.stream_id)
    }
    return 0
  }
}

private func onReadBody(
  _: OpaquePointer?, _: Int32, _: UnsafeMutablePointer<UInt8>?, room: Int,
  flags: UnsafeMutablePointer<UInt32>?, source: UnsafeMutablePointer<nghttp2_data_source>?,
  state: UnsafeMutableRawPointer?
) -> Int {
  let failed = Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
  return unsafe with(source, or: failed) { stream in
    let waiting = stream.outbound.readableBytes
    if waiting == 0, !stream.hasLocalEnded {
      stream.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    let count = min(waiting, room)
    var result = UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
    if count == waiting, stream.hasLocalEnded {
      result |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
      if let trailers = stream.trailers,
        unsafe !with(state, or: false, { $0.trail(stream, with: trailers) })
      {
        result |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
      }
    }
    unsafe flags?.pointee |= result
    return count
  }
}

private func onSendData(
  _: OpaquePointer?, _: UnsafeMutablePointer<nghttp2_frame>?, header: UnsafePointer<UInt8>?,
  count: Int, source: UnsafeMutablePointer<nghttp2_data_source>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  let failed = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  return unsafe with(state, or: failed) { session in
    unsafe with(source, or: failed) { stream in
      guard let header = unsafe header else { return failed }
      let written = unsafe session.writeData(stream, header: header, count: count)
      return written ? 0 : NGHTTP2_ERR_WOULDBLOCK.rawValue
    }
  }
}
