internal import COpenSSL
package import NIOCore

/// One TLS connection without I/O: ciphertext in, plaintext out, and back.
///
/// Bytes of the network go into `receive`; then `handshake` until it says done, then `read`. What is
/// to be sent piles up inside and is taken with `takeCiphertext`, also after an error (the alert).
/// After a throw nothing but `takeCiphertext` may be called. Confined to one thread.
@safe package final class TLSMachine {
  private let ssl: OpaquePointer
  /// Ciphertext that OpenSSL has not taken yet, and that nobody has taken from it.
  private var incoming = ByteBuffer()
  private var outgoing = ByteBuffer()
  /// Keeps the shared settings alive as long as the connection.
  private let context: TLSContext
  private var refusal: String?
  /// Messages of the handshake that come after it: a KeyUpdate costs us two keys and an answer, and
  /// TLS sets no bound. Honest peers send one in many gigabytes. Nil until the handshake is done.
  private var updates: TokenBucket?
  private var isExcessive = false
  static let (updatesBurst, updatesPerSecond) = (64, 1)

  /// Who the peer is, once the handshake is done; nil: a stranger.
  package private(set) var peer: PeerIdentity?
  /// Names this very connection, the same at both ends and nowhere else (RFC 5705): 32 bytes, once the
  /// handshake is done. Made only where the client has no certificate: there it is what a stranger
  /// binds its proof to.
  package private(set) var binding: [UInt8] = []
  /// 32 bytes that both ends of this very connection know and nobody else, for heartbeat datagrams
  /// beside it. Made only where both have shown a certificate.
  package private(set) var heartbeatKey: [UInt8] = []
  private let isClient: Bool

  package static func accepting(_ context: TLSContext) -> TLSMachine {
    let machine = TLSMachine(context, isClient: false)
    unsafe SSL_set_accept_state(machine.ssl)
    return machine
  }

  package static func connecting(_ context: TLSContext) -> TLSMachine {
    let machine = TLSMachine(context, isClient: true)
    unsafe SSL_set_connect_state(machine.ssl)
    return machine
  }

  /// To a server of the web, whose certificate must name this host or address.
  package static func connecting(_ context: TLSContext, host: String) -> TLSMachine {
    let machine = TLSMachine.connecting(context)
    let parameters = unsafe SSL_get0_param(machine.ssl)
    // An address is compared as one, and is never sent as a name.
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) != 1 {
      ERR_clear_error()
      _ = unsafe SSL_set1_host(machine.ssl, host)
      _ = unsafe host.withCString { name in
        unsafe SSL_ctrl(
          machine.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
          UnsafeMutableRawPointer(mutating: name))
      }
    }
    return machine
  }

  private init(_ context: TLSContext, isClient: Bool) {
    self.context = context
    self.isClient = isClient
    guard let ssl = unsafe SSL_new(context.handle.pointer),
      let network = unsafe BIO_new(TLSNetwork.method.pointer)
    else { fatalError("OpenSSL could not allocate a connection") }
    unsafe self.ssl = ssl
    let owner = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe BIO_set_data(network, owner)
    unsafe BIO_set_init(network, 1)
    unsafe SSL_set_bio(ssl, network, network)
    _ = unsafe SSL_set_ex_data(ssl, 0, owner)
  }

  deinit { unsafe SSL_free(ssl) }

  var rule: TLSContext.PeerRule? { context.rule }

  func handshakeMessageSeen() {
    guard updates?.take(now: .now()) == false else { return }
    isExcessive = true
  }

  func verificationFailed(_ reason: String) { refusal = reason }

  /// Takes bytes of the network in.
  package func receive(_ ciphertext: ByteBuffer) {
    if incoming.readableBytes == 0 {
      incoming = ciphertext
    } else {
      incoming.writeImmutableBuffer(ciphertext)
    }
  }

  /// Moves the handshake on; true once it is done and a peer of the cluster speaks HTTP/2.
  package func handshake() throws(TLSError) -> Bool {
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(ssl)
    guard result == 1 else {
      switch unsafe SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return false
      default: throw failure()
      }
    }
    guard context.rule == nil || selectedHTTP2 else {
      throw TLSError(.noHTTP2, "the peer did not choose HTTP/2 (ALPN h2)")
    }
    if let certificate = unsafe SSL_get0_peer_certificate(ssl) {
      peer = unsafe PeerIdentity(certificate: certificate)
    }
    if isClient ? context.identity == nil : peer == nil {
      binding = try exported("EXPORTER-belfry-stranger")
    } else if context.rule != nil {
      heartbeatKey = try exported("EXPORTER-belfry-heartbeat")
    }
    updates = TokenBucket(
      burst: Self.updatesBurst, perSecond: Self.updatesPerSecond, now: .now())
    return true
  }

  /// Decrypts all there is into `plaintext`; false when the peer has closed its side.
  package func read(into plaintext: inout ByteBuffer) throws(TLSError) -> Bool {
    // What came is used up here; whoever lent it can use its memory again.
    defer { if incoming.readableBytes == 0 { incoming = ByteBuffer() } }
    while true {
      ERR_clear_error()
      var result: Int32 = 0
      unsafe plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: 16_384) { space in
        result = unsafe SSL_read(
          ssl, space.baseAddress, Int32(truncatingIfNeeded: min(space.count, 1 << 20)))
        return max(0, Int(result))
      }
      if isExcessive { throw TLSError(.excessive, "too many TLS key updates") }
      if result > 0 { continue }
      switch unsafe SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return true
      case SSL_ERROR_ZERO_RETURN: return false
      default: throw failure()
      }
    }
  }

  /// Encrypts; the result waits in the machine for `takeCiphertext`.
  package func write(_ plaintext: ByteBuffer) throws(TLSError) {
    // Each record of 16 KiB grows by 22 bytes.
    let count = plaintext.readableBytes
    outgoing.reserveCapacity(outgoing.writerIndex + count + 22 * (count / 16_384 + 1))
    let result = unsafe plaintext.withUnsafeReadableBytes { bytes -> Bool in
      var done = 0
      while done < bytes.count, let base = bytes.baseAddress {
        ERR_clear_error()
        let count = Int32(truncatingIfNeeded: min(bytes.count - done, 1 << 20))
        let written = unsafe SSL_write(ssl, base + done, count)
        guard written > 0 else { return false }
        done += Int(written)
      }
      return true
    }
    guard result else { throw failure() }
  }

  /// What is to be sent; nil when there is nothing.
  package func takeCiphertext() -> ByteBuffer? {
    guard outgoing.readableBytes > 0 else { return nil }
    var taken = ByteBuffer()
    swap(&taken, &outgoing)
    return taken
  }

  // MARK: For OpenSSL, through `TLSNetwork`

  /// Moves up to so many received bytes there; zero when there are none.
  func moveIncoming(to place: UnsafeMutableRawPointer, bytesMax: Int) -> Int {
    unsafe incoming.readWithUnsafeReadableBytes { bytes in
      let count = min(bytesMax, bytes.count)
      if count > 0, let start = bytes.baseAddress {
        unsafe place.copyMemory(from: start, byteCount: count)
      }
      return count
    }
  }

  func appendOutgoing(_ bytes: UnsafeRawBufferPointer) { unsafe outgoing.writeBytes(bytes) }

  /// Tells the peer that nothing more will come from us (close_notify).
  package func close() {
    ERR_clear_error()
    _ = unsafe SSL_shutdown(ssl)
    ERR_clear_error()
  }

  /// Keying material of the connection under a label (RFC 5705).
  private func exported(_ label: String) throws(TLSError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    let label = Array(label.utf8CString.dropLast())
    guard
      unsafe SSL_export_keying_material(ssl, &bytes, 32, label, label.count, nil, 0, 0) == 1
    else { throw failure() }
    return bytes
  }

  private var selectedHTTP2: Bool {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &name, &length)
    guard length == 2, let name = unsafe name else { return false }
    return unsafe name[0] == UInt8(ascii: "h") && name[1] == UInt8(ascii: "2")
  }

  /// What is wrong with the dates of our own certificate, by our own clock.
  private var dateProblem: String? {
    guard let own = unsafe SSL_get_certificate(ssl) else { return nil }
    if unsafe X509_cmp_current_time(X509_get0_notAfter(own)) < 0 {
      return unsafe "our certificate has ended: it expired \(Self.ago(X509_get0_notAfter(own))) ago"
    }
    if unsafe X509_cmp_current_time(X509_get0_notBefore(own)) > 0 {
      return "our certificate has not begun yet: is this machine's clock right?"
    }
    return nil
  }

  /// From a time to now, in the largest unit that says something.
  private static func ago(_ time: UnsafePointer<ASN1_TIME>?) -> String {
    var days: Int32 = 0
    var seconds: Int32 = 0
    _ = unsafe ASN1_TIME_diff(&days, &seconds, time, nil)
    if days > 0 { return "\(days) d" }
    return seconds >= 3_600 ? "\(seconds / 3_600) h" : "\(seconds / 60) min"
  }

  private func failure() -> TLSError {
    if let refusal {
      ERR_clear_error()
      return TLSError(.peerRefused, refusal)
    }
    let code = ERR_peek_error()
    let reason = Int(code & 0x7f_ffff)
    let text = takeOpenSSLErrors()
    // Alerts of the peer are reported as 1000 + the alert's number.
    if reason >= 1_000, reason < 1_256 {
      let why = dateProblem ?? "its log says why"
      return TLSError(.refusedByPeer, "the peer refused us (\(text)); \(why)")
    }
    return TLSError(.protocolError, text)
  }
}
