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
      unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(table, onBeginFrame)
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

private func session(_ state: UnsafeMutableRawPointer?) -> HTTP2Session? {
  guard let state = unsafe state else { return nil }
  return unsafe Unmanaged<HTTP2Session>.fromOpaque(state).takeUnretainedValue()
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
  guard let frame = unsafe frame, let session = unsafe session(state) else { return 0 }
  session.headersBegan()
  if unsafe isType(frame.pointee.hd, NGHTTP2_HEADERS),
    unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
  {
    unsafe session.streamBegan(frame.pointee.hd.stream_id)
  }
  return 0
}

private func onHeader(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, name: UnsafePointer<UInt8>?,
  nameCount: Int, value: UnsafePointer<UInt8>?, valueCount: Int, _: UInt8,
  state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(state) else { return 0 }
  let kept = unsafe session.fieldReceived(
    name: UnsafeBufferPointer(start: name, count: nameCount),
    value: UnsafeBufferPointer(start: value, count: valueCount))
  // Paused for ever: decoding the rest of a bomb is what must not happen.
  return kept ? 0 : NGHTTP2_ERR_PAUSE.rawValue
}

private func onFrame(
  _: OpaquePointer?, frame: UnsafePointer<nghttp2_frame>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame, let session = unsafe session(state) else { return 0 }
  let header = unsafe frame.pointee.hd
  let isAck = has(header, NGHTTP2_FLAG_ACK)
  switch UInt32(header.type) {
  case UInt32(NGHTTP2_DATA.rawValue):
    let ended = has(header, NGHTTP2_FLAG_END_STREAM)
    if !ended, header.length < 5 { session.glitch() }
    if ended, let stream = session.stream(header.stream_id) { session.ended(stream) }
  case UInt32(NGHTTP2_HEADERS.rawValue):
    guard let stream = session.stream(header.stream_id) else { break }
    session.headersReceived(stream, ended: has(header, NGHTTP2_FLAG_END_STREAM))
  case UInt32(NGHTTP2_SETTINGS.rawValue):
    if !isAck { session.settingsReceived() }
  case UInt32(NGHTTP2_PING.rawValue):
    if isAck { session.events.append(.pingAnswered) } else { session.pingReceived() }
  case UInt32(NGHTTP2_WINDOW_UPDATE.rawValue):
    if unsafe frame.pointee.window_update.window_size_increment < 1_024 { session.glitch() }
  case UInt32(NGHTTP2_PRIORITY.rawValue): session.glitch()
  case UInt32(NGHTTP2_GOAWAY.rawValue):
    session.events.append(
      .goAway(
        lastStreamID: unsafe frame.pointee.goaway.last_stream_id,
        HTTP2ErrorCode(rawValue: unsafe frame.pointee.goaway.error_code)))
  default: break
  }
  return 0
}

/// Frames of no known type never reach `onFrame`; they are counted when they begin.
private func onBeginFrame(
  _: OpaquePointer?, header: UnsafePointer<nghttp2_frame_hd>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let header = unsafe header, let session = unsafe session(state) else { return 0 }
  if unsafe UInt32(header.pointee.type) > UInt32(NGHTTP2_CONTINUATION.rawValue) {
    session.glitch()
  }
  return 0
}

private func onInvalidFrame(
  _: OpaquePointer?, _: UnsafePointer<nghttp2_frame>?, _: Int32, state: UnsafeMutableRawPointer?
) -> Int32 {
  unsafe session(state)?.glitch()
  return 0
}

private func onData(
  _: OpaquePointer?, _: UInt8, id: Int32, bytes: UnsafePointer<UInt8>?, count: Int,
  state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(state) else { return 0 }
  if let stream = session.stream(id) {
    session.dataReceived(stream, at: UInt(bitPattern: bytes), count: count)
  } else {
    session.consumeConnection(count)
  }
  return 0
}

private func onStreamClose(
  _: OpaquePointer?, id: Int32, code: UInt32, state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(state), let stream = session.stream(id) else { return 0 }
  session.streamClosed(stream, code)
  return 0
}

private func onFrameSent(
  _: OpaquePointer?, frame: UnsafePointer<nghttp2_frame>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame = unsafe frame, let session = unsafe session(state) else { return 0 }
  let header = unsafe frame.pointee.hd
  if isType(header, NGHTTP2_RST_STREAM) {
    switch HTTP2ErrorCode(rawValue: unsafe frame.pointee.rst_stream.error_code) {
    case .noError, .cancel: break
    default: session.glitch()
    }
  } else if isType(header, NGHTTP2_HEADERS) {
    session.headersSent()
    if has(header, NGHTTP2_FLAG_END_STREAM) { session.finalHeadersSent(header.stream_id) }
  }
  return 0
}

private func onReadBody(
  _: OpaquePointer?, _: Int32, _: UnsafeMutablePointer<UInt8>?, room: Int,
  flags: UnsafeMutablePointer<UInt32>?, source: UnsafeMutablePointer<nghttp2_data_source>?,
  state: UnsafeMutableRawPointer?
) -> Int {
  guard let session = unsafe session(state), let owner = unsafe source?.pointee.ptr else {
    return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
  }
  let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(owner).takeUnretainedValue()
  let waiting = stream.outbound.readableBytes
  if waiting == 0, !stream.hasLocalEnded {
    stream.isDeferred = true
    return Int(NGHTTP2_ERR_DEFERRED.rawValue)
  }
  let count = min(waiting, room)
  var result = UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
  if count == waiting, stream.hasLocalEnded {
    result |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
    if let trailers = stream.trailers {
      result |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
      session.submitTrailers(trailers, on: stream)
    }
  }
  unsafe flags?.pointee |= result
  return count
}

private func onSendData(
  _: OpaquePointer?, _: UnsafeMutablePointer<nghttp2_frame>?, header: UnsafePointer<UInt8>?,
  count: Int, source: UnsafeMutablePointer<nghttp2_data_source>?, state: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = unsafe session(state), let owner = unsafe source?.pointee.ptr,
    let header = unsafe header
  else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
  let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(owner).takeUnretainedValue()
  let written = unsafe session.writeData(stream, header: header, count: count)
  return written ? 0 : NGHTTP2_ERR_WOULDBLOCK.rawValue
}
