internal import BelfryCore
internal import CRabbitMQ

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One connection to the broker: owns rabbitmq-c's handle and its socket.
///
/// Belongs to the thread that opened it. Reading never blocks; asking waits for the answer (at most
/// `Limit.answerSeconds`) and keeps what else comes in between; sending waits while the socket is
/// full, so a publisher asks `isWritable` first.
@safe final class AMQPConnection {
  let handle: amqp_connection_state_t
  let address: RabbitMQAddress
  private(set) var descriptor: Int32 = -1
  let arena = Arena()
  /// Contents that have begun and whose frames are not all here, by channel.
  var contents: [UInt16: Content] = [:]
  /// The longest piece that goes out without waiting once the socket `isWritable`.
  private(set) var pieceBytesMax = 4 << 10
  private var lastChannel = Limit.probeChannels
  private var lastProbe: UInt16 = 0
  private var openChannels: Set<UInt16> = []

  /// Connects and logs in; throws why not, in words for the operator.
  init(_ address: RabbitMQAddress, name: String) throws(RabbitMQError) {
    guard let handle = unsafe amqp_new_connection() else { fatalError("out of memory") }
    unsafe self.handle = handle
    self.address = address
    // From here on `deinit` frees the handle, whatever is thrown.
    try openSocket()
    try logIn(name: name)
    var answer = timeval(tv_sec: Limit.answerSeconds, tv_usec: 0)
    _ = unsafe amqp_set_rpc_timeout(handle, &answer)
  }

  deinit { _ = unsafe amqp_destroy_connection(handle) }

  /// Says goodbye and waits a little for the answer; the handle is not to be used after it.
  func close() {
    var patience = timeval(tv_sec: Limit.closeSeconds, tv_usec: 0)
    _ = unsafe amqp_set_rpc_timeout(handle, &patience)
    _ = unsafe amqp_connection_close(handle, Int32(AMQP_REPLY_SUCCESS))
  }

  // MARK: Opening

  private func openSocket() throws(RabbitMQError) {
    let made =
      address.isTLS ? unsafe amqp_ssl_socket_new(handle) : unsafe amqp_tcp_socket_new(handle)
    guard let socket = unsafe made else { throw RabbitMQError("no memory for a socket") }
    if address.isTLS { try unsafe trust(socket) }
    var patience = timeval(tv_sec: Limit.connectSeconds, tv_usec: 0)
    _ = unsafe amqp_set_handshake_timeout(handle, &patience)
    let status = unsafe amqp_socket_open_noblock(
      socket, address.host, Int32(address.port), &patience)
    guard status == 0 else { throw RabbitMQError(connectFailure(status)) }
    descriptor = unsafe amqp_get_sockfd(handle)
    setSendBuffer()
    limitSendStall(true)
  }

  /// Sets what we trust and what we show. Hostname and chain are both verified.
  private func trust(_ socket: OpaquePointer) throws(RabbitMQError) {
    let bundles = [
      "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]
    let bundle = address.caFile ?? bundles.first { unsafe access($0, R_OK) == 0 }
    if let bundle, unsafe amqp_ssl_socket_set_cacert(socket, bundle) != 0 {
      throw RabbitMQError("cannot read certificates to trust from \(bundle)")
    }
    if let certificate = address.certificateFile, let key = address.keyFile,
      unsafe amqp_ssl_socket_set_key(socket, certificate, key) != 0
    {
      throw RabbitMQError("cannot use certificate \(certificate) with key \(key)")
    }
    _ = unsafe amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
    unsafe amqp_ssl_socket_set_verify_peer(socket, 1)
    unsafe amqp_ssl_socket_set_verify_hostname(socket, 1)
  }

  private func connectFailure(_ status: Int32) -> String {
    let place = address.place
    switch amqp_status_enum(rawValue: status) {
    case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED: return "host \(address.host) is not known"
    case AMQP_STATUS_TIMEOUT:
      return "no answer from \(place) within \(Limit.connectSeconds) s"
    case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
      return "the certificate of \(place) is not signed by a CA that we trust"
    case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
      return "the certificate of \(place) does not name \(address.host)"
    case AMQP_STATUS_SSL_CONNECTION_FAILED:
      return
        "no TLS with \(place): is that RabbitMQ's TLS port, and does it accept our certificate?"
    case AMQP_STATUS_SOCKET_ERROR:
      return ConnectFailure.words(host: address.host, port: address.port, place: place)
    default: return "cannot connect to \(place): \(Self.text(status))"
    }
  }

  /// A socket is writable when a third of its buffer is free. With a buffer that does not shrink,
  /// an eighth of it then always fits: a send never waits, whatever the broker does.
  private func setSendBuffer() {
    var bytes = Int32(Limit.sendBufferBytes)
    var size = socklen_t(MemoryLayout<Int32>.size)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, size)
    _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, &size)
    pieceBytesMax = min(max(Int(bytes) / 8, 4 << 10), 64 << 10)
  }

  /// The kernel ends a connection whose peer takes nothing for so long, also with a full window;
  /// lifted while the broker says that it does so on purpose.
  func limitSendStall(_ isLimited: Bool) {
    #if os(Linux)
      var milliseconds = isLimited ? UInt32(clamping: Limit.sendStall.millisecondsClamped) : 0
      _ = unsafe setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds,
        socklen_t(MemoryLayout<UInt32>.size))
    #endif
  }

  /// While gathering, frames go out in full packets only: each is a write of its own, and the broker wakes
  /// up for each packet. Never across a question whose answer is waited for.
  func gather(_ isOn: Bool) {
    #if os(Linux)
      var value: Int32 = isOn ? 1 : 0
      _ = unsafe setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
    #endif
  }

  private func logIn(name: String) throws(RabbitMQError) {
    let reply = unsafe withClientProperties(name: name) { properties in
      if address.isExternal {
        return unsafe belfry_amqp_login_external(
          handle, address.virtualHost, Limit.heartbeatSeconds, properties)
      }
      return unsafe belfry_amqp_login_plain(
        handle, address.virtualHost, Limit.heartbeatSeconds, properties, address.user,
        address.password)
    }
    do { try unsafe check(reply, on: 0) } catch { throw loginFailure(error) }
  }

  private func loginFailure(_ error: RabbitMQError) -> RabbitMQError {
    let who = address.isExternal ? "our certificate" : "user \(address.user)"
    switch error.code {
    case RabbitMQError.accessRefused:
      return RabbitMQError(
        "access refused for \(who) at \(address.place): wrong name or password", code: error.code)
    case .some:
      return RabbitMQError(
        "\(address.place) refuses \(who): \(error.message)", code: error.code)
    case nil:
      return RabbitMQError(
        "\(address.place) did not finish the handshake (\(error.message)): is it an AMQP port, "
          + "\(address.isTLS ? "with" : "without") TLS?")
    }
  }

  /// What we say of ourselves. A feature that is not named here is not used towards us.
  private func withClientProperties<R>(
    name: String, _ body: (UnsafePointer<amqp_table_t>) -> R
  ) -> R {
    let features = [
      "consumer_cancel_notify", "connection.blocked", "basic.nack", "publisher_confirms",
    ]
    arena.reset(bytes: 256 + name.utf8.count, entries: 16)
    let capabilities = unsafe arena.table(of: features.map { ($0, .bool(true)) })
    let entries = unsafe arena.entries(2)
    unsafe entries[0] = arena.entry("connection_name", .text(name))
    unsafe entries[1].key = arena.bytes("capabilities")
    unsafe entries[1].value.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
    unsafe entries[1].value.value.table = capabilities
    var properties = unsafe amqp_table_t(num_entries: 2, entries: entries.baseAddress)
    return unsafe body(&properties)
  }

  // MARK: Channels

  /// Opens a channel for messages. Its number is new: late frames of a closed one may still come.
  func openChannel() throws(RabbitMQError) -> UInt16 {
    let max = UInt16(clamping: unsafe amqp_get_channel_max(handle))
    repeat {
      lastChannel = lastChannel >= max ? Limit.probeChannels + 1 : lastChannel + 1
    } while openChannels.contains(lastChannel) && openChannels.count < Int(max)
    return try open(lastChannel)
  }

  /// Opens a channel for questions. No messages come on it, so a few numbers go round; the library
  /// keeps memory for each number that was ever used.
  func openProbe() throws(RabbitMQError) -> UInt16 {
    repeat {
      lastProbe = lastProbe >= Limit.probeChannels ? 1 : lastProbe + 1
    } while openChannels.contains(lastProbe)
    return try open(lastProbe)
  }

  private func open(_ channel: UInt16) throws(RabbitMQError) -> UInt16 {
    _ = unsafe amqp_channel_open(handle, channel)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
    openChannels.insert(channel)
    return channel
  }

  func closeChannel(_ channel: UInt16) throws(RabbitMQError) {
    guard openChannels.remove(channel) != nil else { return }
    contents[channel] = nil
    try unsafe check(
      amqp_channel_close(handle, channel, Int32(AMQP_REPLY_SUCCESS)), on: channel)
  }

  func isOpen(_ channel: UInt16) -> Bool { openChannels.contains(channel) }

  /// The broker closed it: agrees, so that the connection goes on.
  func channelWasClosed(_ channel: UInt16) {
    openChannels.remove(channel)
    contents[channel] = nil
    var agreed = amqp_channel_close_ok_t()
    _ = unsafe amqp_send_method(handle, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &agreed)
  }

  // MARK: Waiting

  /// Has the library something that a poll of the socket would not show?
  var hasInput: Bool {
    unsafe amqp_frames_enqueued(handle) != 0 || amqp_data_in_buffer(handle) != 0
  }

  /// Would `pieceBytesMax` bytes go out without waiting?
  var isWritable: Bool {
    var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&polled, 1, 0) == 1
  }

  // MARK: Answers

  /// Throws what a reply says: a channel or the connection closed by the broker, or a broken link.
  func check(_ reply: amqp_rpc_reply_t, on channel: UInt16) throws(RabbitMQError) {
    switch unsafe reply.reply_type {
    case AMQP_RESPONSE_NORMAL: return
    case AMQP_RESPONSE_SERVER_EXCEPTION: throw unsafe closed(reply.reply, on: channel)
    default: throw RabbitMQError(unsafe Self.text(reply.library_error))
    }
  }

  /// Throws when a send failed: the connection is then of no use.
  func check(sent status: Int32) throws(RabbitMQError) {
    guard status != 0 else { return }
    throw RabbitMQError("sending failed: \(Self.text(status))")
  }

  /// Reads a close of the broker's and agrees to it.
  func closed(_ method: amqp_method_t, on channel: UInt16) -> RabbitMQError {
    if unsafe method.id == AMQP_CHANNEL_CLOSE_METHOD {
      let close = unsafe method.decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
      let error = unsafe RabbitMQError(
        String(close.reply_text), code: close.reply_code, scope: .channel(channel))
      channelWasClosed(channel)
      return error
    }
    let close = unsafe method.decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
    var agreed = amqp_connection_close_ok_t()
    _ = unsafe amqp_send_method(handle, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &agreed)
    return unsafe RabbitMQError(String(close.reply_text), code: close.reply_code)
  }

  static func text(_ status: Int32) -> String {
    unsafe String(cString: amqp_error_string2(status))
  }
}
