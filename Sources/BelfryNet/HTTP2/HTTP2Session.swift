internal import CNghttp2
package import NIOCore

/// One HTTP/2 connection without I/O, the part that servers and clients share: bytes in, what they
/// mean told to the delegate at once, bytes out.
///
/// Limits that nghttp2 does not keep are kept here: header lists counted as they arrive, pointless
/// frames, output taken in bounded pieces. Confined to one thread. After `receive` has thrown or
/// `isFinished` is true, only `takeOutput` may follow.
@safe package final class HTTP2Session {
  /// Why we ended the connection, if we did.
  @safe @exclusivity(unchecked) package private(set) var failure: HTTP2Error?

  var handle: OpaquePointer?
  var listener: HTTP2Listener?
  let memory = HTTP2Memory()
  /// Streams nghttp2 refers to; it does not say goodbye to them when it is freed.
  @safe @exclusivity(unchecked) private var slots: [HTTP2Stream] = []
  @safe @exclusivity(unchecked) package private(set) var openStreams = 0

  private var glitches: TokenBucket
  private var resets: TokenBucket
  private let isServer: Bool
  // Of the limits only what is looked at again: they are many, and so are idle connections.
  private let headerListBytesMax: Int
  private let headerFieldsMax: Int
  private let streamWindowBytes: Int32
  private let connectionWindowBytes: Int32
  private var scanner: FrameScanner
  var pings: PingPolicy?
  private var now: NIODeadline
  /// True once the peer's SETTINGS were seen: it does speak HTTP/2.
  package private(set) var hasSettings = false
  /// The header list that is arriving: on one connection only one can be.
  private let incoming = HTTP2HeaderArena()
  /// The read being processed, and the address of its first byte.
  private var input = ByteBuffer()
  /// True while nghttp2 reads or writes, and calls back.
  var isWithin = false
  private var inputBase: UInt = 0
  @safe @exclusivity(unchecked) var output = HTTP2Output()
  /// True while a header list of ours may follow that nghttp2 has not written: it has told the peer of
  /// all that the peer's SETTINGS have changed in the table of header fields.
  var isTableSettled = false
  @safe @exclusivity(unchecked) var drained: [HTTP2Stream] = []
  private static let nothing = ByteBuffer()

  /// See `widen`; zero: none.
  private var wideStreamID: Int32 = 0

  // What the limits look at.
  /// When the header list began that is arriving; nil between header lists.
  @safe @exclusivity(unchecked) package private(set) var headersSince: NIODeadline?
  private var pingsUnanswered = 0
  private var lastStreamID: Int32 = 0
  /// WINDOW_UPDATE frames that what we sent explains.
  var windowUpdatesOwed = HTTP2Session.windowUpdatesOwedMin
  private static let windowUpdatesOwedMin = 64
  static let windowUpdatesOwedMax = 65_536

  init(server: Bool, limits: HTTP2Limits, now: NIODeadline) {
    headerListBytesMax = limits.headerListBytesMax
    headerFieldsMax = limits.headerFieldsMax
    streamWindowBytes = limits.streamWindowBytes
    connectionWindowBytes = limits.connectionWindowBytes
    self.now = now
    isServer = server
    // "PRI * HTTP/2.0…", which only clients send.
    scanner = FrameScanner(prefaceBytes: server ? 24 : 0)
    glitches = TokenBucket(
      burst: limits.glitchBurst, perSecond: limits.glitchesPerSecond, now: now)
    resets = TokenBucket(
      burst: limits.resetBurst, perSecond: limits.resetsPerSecond, now: now)
    if server {
      pings = PingPolicy(
        intervalMin: limits.pingIntervalMin, strikesMax: limits.pingStrikesMax)
    }
    var option: OpaquePointer?
    guard unsafe nghttp2_option_new(&option) == 0 else { fatalError("out of memory") }
    unsafe nghttp2_option_set_no_auto_window_update(option, 1)
    unsafe nghttp2_option_set_no_closed_streams(option, 1)
    unsafe nghttp2_option_set_max_reserved_remote_streams(option, 0)
    unsafe nghttp2_option_set_max_settings(option, limits.settingsEntriesMax)
    unsafe nghttp2_option_set_max_outbound_ack(option, limits.outboundAcksMax)
    unsafe nghttp2_option_set_max_continuations(option, limits.continuationsMax)
    // Resets are counted by `frameBegan`, which says why; nghttp2's own count must not come first.
    unsafe nghttp2_option_set_stream_reset_rate_limit(
      option, UInt64(limits.resetBurst) + 1, UInt64(limits.resetsPerSecond) + 1)
    let state = unsafe Unmanaged.passUnretained(self).toOpaque()
    let create = unsafe server ? nghttp2_session_server_new3 : nghttp2_session_client_new3
    var functions = unsafe memory.functions
    // Not into `handle` itself: what a call outside may change is checked at each use ever after.
    var created: OpaquePointer?
    let result = unsafe create(&created, HTTP2Callbacks.table.pointer, state, option, &functions)
    unsafe nghttp2_option_del(option)
    guard result == 0 else { fatalError("out of memory") }
    unsafe handle = unsafe created
    submitSettings(server: server, streamsMax: limits.concurrentStreamsMax)
  }

  deinit { unsafe nghttp2_session_del(entered) }

  /// nghttp2's session, for all calls that may come from another thread than the one before.
  var entered: OpaquePointer? {
    if !isWithin { memory.enter() }
    return unsafe handle
  }

  private func submitSettings(server: Bool, streamsMax: UInt32) {
    func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
    var entries = [
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(headerListBytesMax)),
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(streamWindowBytes)),
    ]
    if server {
      // As a client we leave the table at its 4,096 bytes: a server must then begin its first headers with
      // the new size, and gRPC's C core forgets that when its own deadline answers first.
      entries.append(entry(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0))
      entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streamsMax))
      entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
    } else {
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    check(unsafe nghttp2_submit_settings(entered, 0, entries, entries.count), "settings")
    check(
      unsafe nghttp2_session_set_local_window_size(entered, 0, 0, connectionWindowBytes),
      "window")
  }

  /// Who is told what happens; held until it is set to nil.
  package var delegate: (any HTTP2SessionDelegate)? {
    get { listener?.delegate }
    set { listener = newValue.map { HTTP2Listener($0) } }
  }

  // MARK: Bytes in and out

  /// Takes plaintext of the network in.
  package func receive(_ buffer: ByteBuffer, now: NIODeadline) throws(HTTP2Error) {
    self.now = now
    if let failure { throw failure }
    memory.enter()
    input = buffer
    isWithin = true
    defer {
      input = Self.nothing
      isWithin = false
    }
    let result = unsafe buffer.withUnsafeReadableBytes { bytes -> Int in
      guard let base = bytes.baseAddress else { return 0 }
      inputBase = UInt(bitPattern: base)
      unsafe scanner.scan(bytes, frameBegan)
      guard failure == nil else { return 0 }
      return unsafe nghttp2_session_mem_recv(
        entered, base.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
    if let failure { throw failure }
    guard result >= 0 else {
      let reason = unsafe String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: result)))
      let error = HTTP2Error(.protocolError, reason)
      failure = error
      throw error
    }
  }

  /// True when nothing is left to say or to hear: the connection should be closed.
  package var isFinished: Bool {
    unsafe nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
  }

  /// The streams that are open, in no meaningful order.
  package var liveStreams: [HTTP2Stream] { slots }

  // MARK: Asked for by the layer above

  /// Queues a message on a stream.
  package func send(
    _ message: ByteBuffer, on stream: HTTP2Stream, isCompressed: Bool = false
  ) {
    guard !stream.isClosed, !stream.hasLocalEnded else { return }
    stream.outbound.append(message: message, isCompressed: isCompressed)
    resume(stream)
  }

  /// Ends our side of a stream after what is queued, with a trailing header list if there is one.
  package func end(_ stream: HTTP2Stream, trailers: HTTP2FieldBlock?) {
    guard !stream.isClosed, !stream.hasLocalEnded else { return }
    stream.trailers = trailers
    stream.hasLocalEnded = true
    resume(stream)
  }

  package func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard !stream.isClosed, stream.id > 0 else { return }
    stream.hasLocalEnded = true
    check(unsafe nghttp2_submit_rst_stream(entered, 0, stream.id, code.rawValue), "reset")
  }

  /// Gives the connection's share of received bytes back to the peer.
  package func consumeConnection(_ count: Int) {
    check(unsafe nghttp2_session_consume_connection(entered, count), "credit")
  }

  /// Gives a stream's share of received bytes back to the peer.
  package func consume(_ count: Int, on stream: HTTP2Stream) {
    guard count > 0, !stream.isClosed else { return }
    check(unsafe nghttp2_session_consume_stream(entered, stream.id, count), "credit")
  }

  /// Lets a stream that is in the middle of a large message use the whole window of the connection:
  /// its own is used up while our answer to it is still on its way. One stream at a time has this, so
  /// that what all of them may send unread grows by no more than one window.
  package func widen(_ stream: HTTP2Stream, unfinishedBytes: Int) {
    guard wideStreamID == 0, unfinishedBytes > Int(streamWindowBytes) / 2,
      connectionWindowBytes > streamWindowBytes,
      !stream.isClosed, !stream.hasRemoteEnded
    else { return }
    wideStreamID = stream.id
    check(
      unsafe nghttp2_session_set_local_window_size(
        entered, 0, stream.id, connectionWindowBytes), "window")
  }

  /// Bytes of all streams that flow control or the socket still hold back.
  package var queuedBytes: Int { slots.reduce(0) { $0 + $1.queuedBytes } }

  package func ping() {
    pingsUnanswered += 1
    check(unsafe nghttp2_submit_ping(entered, 0, nil), "ping")
  }

  /// Announces the end: no new streams soon; those under way go on (GOAWAY with the highest id).
  package func announceShutdown() {
    check(unsafe nghttp2_submit_shutdown_notice(entered), "shutdown notice")
  }

  /// Refuses all streams that have not been seen yet; those seen go on.
  package func refuseNewStreams() {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    check(unsafe nghttp2_submit_goaway(entered, 0, last, 0, nil, 0), "goaway")
  }

  /// Ends the connection at once, with a GOAWAY.
  package func terminate(_ code: HTTP2ErrorCode, _ error: HTTP2Error) {
    guard failure == nil else { return }
    failure = error
    check(unsafe nghttp2_session_terminate_session(entered, code.rawValue), "terminate")
  }

  // MARK: For the two machines

  func submitResponse(_ fields: HTTP2FieldBlock, on stream: HTTP2Stream, body: Bool) {
    guard !stream.isClosed else { return }
    if body {
      var provider = unsafe HTTP2Callbacks.provider(for: stream)
      check(
        unsafe nghttp2_submit_response(
          entered, stream.id, fields.pointer, fields.count, &provider), "response")
    } else {
      stream.hasLocalEnded = true
      check(
        unsafe nghttp2_submit_response(entered, stream.id, fields.pointer, fields.count, nil),
        "response")
    }
  }

  /// Opens a stream; nil when no more can be opened on this connection.
  func submitRequest(_ fields: HTTP2FieldBlock) -> HTTP2Stream? {
    guard failure == nil else { return nil }
    let stream = HTTP2Stream(id: 0)
    var provider = unsafe HTTP2Callbacks.provider(for: stream)
    let id = unsafe nghttp2_submit_request(
      entered, nil, fields.pointer, fields.count, &provider,
      Unmanaged.passUnretained(stream).toOpaque())
    guard id > 0 else { return nil }
    stream.id = id
    keep(stream)
    return stream
  }

  // MARK: For the callbacks

  func streamBegan(_ id: Int32) {
    let stream = HTTP2Stream(id: id)
    keep(stream)
    lastStreamID = id
    _ = unsafe nghttp2_session_set_stream_user_data(
      handle, id, Unmanaged.passUnretained(stream).toOpaque())
  }

  /// Lends a stream that is open; false when there is none. What may close it must hold it.
  @discardableResult
  @inline(__always)
  func withStream(_ id: Int32, _ body: (HTTP2Stream) -> Void) -> Bool {
    guard let state = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return false }
    unsafe Unmanaged<HTTP2Stream>.fromOpaque(state)._withUnsafeGuaranteedRef(body)
    return true
  }

  func headersBegan() {
    incoming.clear()
    headersSince = now
  }

  /// Keeps a field; false when the list has grown over its limit and the connection must end.
  func fieldReceived(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    unsafe incoming.append(name: name, value: value)
    if incoming.listBytes <= headerListBytesMax,
      incoming.fieldCount <= headerFieldsMax
    {
      return true
    }
    terminate(.enhanceYourCalm, HTTP2Error(.headerList, "header list over its limit"))
    return false
  }

  func headersReceived(_ stream: HTTP2Stream, ended: Bool) {
    let block = incoming.take()
    headersSince = nil
    listener?.delegate.headersReceived(block, on: stream)
    if ended { self.ended(stream) }
  }

  func dataReceived(_ stream: HTTP2Stream, at address: UInt, count: Int) {
    let offset = Int(bitPattern: address &- inputBase)
    guard let chunk = input.getSlice(at: input.readerIndex + offset, length: count) else { return }
    listener?.delegate.dataReceived(chunk, on: stream)
  }

  func ended(_ stream: HTTP2Stream) {
    stream.hasRemoteEnded = true
    listener?.delegate.peerEnded(stream)
  }

  func settingsReceived() {
    isTableSettled = false
    guard !hasSettings else { return glitch() }
    hasSettings = true
    listener?.delegate.settingsReceived()
  }

  func goAwayReceived(lastStreamID: Int32, _ code: UInt32) {
    listener?.delegate.goAwayReceived(
      lastStreamID: lastStreamID, HTTP2ErrorCode(rawValue: code))
  }

  func glitch() {
    guard failure == nil, !glitches.take(now: now) else { return }
    terminate(.enhanceYourCalm, HTTP2Error(.glitches, "too many pointless frames"))
  }

  /// nghttp2 found a frame at fault, and answers it.
  func invalidFrameReceived() {
    headersSince = nil
    glitch()
  }

  /// Counts what costs a token, before nghttp2 sees it: much of it nghttp2 would not tell.
  private func frameBegan(_ head: FrameScanner.Head) {
    guard isServer, failure == nil else { return }
    let flags = UInt32(head.flags)
    switch UInt32(head.type) {
    case UInt32(NGHTTP2_DATA.rawValue):
      // No message of ours is shorter than its prefix, and padding serves nobody here.
      guard flags & UInt32(NGHTTP2_FLAG_END_STREAM.rawValue) == 0,
        head.length < 5 || flags & UInt32(NGHTTP2_FLAG_PADDED.rawValue) != 0
      else { return }
      glitch()
    case UInt32(NGHTTP2_HEADERS.rawValue):
      // Of a stream that is gone: decoded, and passed over.
      if head.stream <= lastStreamID, !withStream(head.stream, { _ in }) { glitch() }
    case UInt32(NGHTTP2_RST_STREAM.rawValue):
      guard !resets.take(now: now) else { return }
      terminate(.enhanceYourCalm, HTTP2Error(.resets, "too many streams were broken off"))
    case UInt32(NGHTTP2_WINDOW_UPDATE.rawValue):
      // A peer gives at most two for a DATA frame of ours, one for the stream and one for the
      // connection; those of streams that have just closed are not to be told from pointless ones.
      if windowUpdatesOwed > 0 { windowUpdatesOwed -= 1 } else { glitch() }
    case UInt32(NGHTTP2_PRIORITY.rawValue), UInt32(NGHTTP2_GOAWAY.rawValue),
      (UInt32(NGHTTP2_CONTINUATION.rawValue) + 1)...:
      glitch()
    default: break
    }
  }

  func pingAnswered() {
    guard pingsUnanswered > 0 else { return glitch() }
    pingsUnanswered -= 1
    listener?.delegate.pingAnswered()
  }

  /// nghttp2 ends the connection by itself at errors of the protocol.
  func goAwaySent(_ code: HTTP2ErrorCode) {
    guard failure == nil, code != .noError else { return }
    failure = HTTP2Error(.protocolError, "HTTP/2 error \(code.rawValue)")
  }

  func pingReceived() {
    glitch()
    guard failure == nil, pings?.pingReceived(now: now) == false else { return }
    failure = HTTP2Error(.pings, "too many pings")
    // The words that gRPC clients look for, to make their keepalive slower.
    let words = Array("too_many_pings".utf8)
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    let code = HTTP2ErrorCode.enhanceYourCalm.rawValue
    check(
      unsafe nghttp2_submit_goaway(handle, 0, last, code, words, words.count), "goaway")
  }

  func headersSent() {
    isTableSettled = true
    pings?.somethingSent()
  }

  func streamClosed(_ stream: HTTP2Stream, _ code: UInt32) {
    guard !stream.isClosed else { return }
    stream.hasClosed = true
    if stream.id == wideStreamID { wideStreamID = 0 }
    // Held until the delegate has been told.
    var held: HTTP2Stream?
    defer { withExtendedLifetime(held) {} }
    if stream.slot >= 0 {
      held = stream
      // The last takes its place.
      let last = slots.removeLast()
      if last !== stream {
        last.slot = stream.slot
        slots[stream.slot] = last
      }
      stream.slot = -1
      openStreams -= 1
    }
    listener?.delegate.streamClosed(stream, HTTP2ErrorCode(rawValue: code))
  }

  /// An answer is complete: if the request is not, the peer is told to stop sending it.
  func answerSent(_ id: Int32) {
    withStream(id) { stream in
      guard isServer, !stream.hasRemoteEnded else { return }
      check(
        unsafe nghttp2_submit_rst_stream(handle, 0, id, HTTP2ErrorCode.noError.rawValue), "reset")
    }
  }

  // MARK: Private

  private func keep(_ stream: HTTP2Stream) {
    openStreams += 1
    stream.slot = slots.count
    slots.append(stream)
  }

  private func resume(_ stream: HTTP2Stream) {
    guard stream.isDeferred else { return }
    stream.isDeferred = false
    check(unsafe nghttp2_session_resume_data(entered, stream.id), "resume")
  }

  /// nghttp2 fails here only for lack of memory, or for a stream that has just gone, which is fine.
  func check(_ result: Int32, _ what: StaticString) {
    if result == NGHTTP2_ERR_NOMEM.rawValue { fatalError("out of memory: \(what)") }
  }
}
