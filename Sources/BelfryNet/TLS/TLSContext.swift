internal import COpenSSL

/// What all connections of one side share: certificate, key, CA and rules, loaded once.
///
/// TLS 1.3 only, ALPN `h2` only, the peer's certificate always verified, no tickets, no resumption,
/// no early data. (Servers of the web, where alerts go, are held to less: see `web`.) Safe to share between threads: OpenSSL's context is not changed after `init`.
package final class TLSContext: @unchecked Sendable {
  /// Which peers are let through once the chain is good.
  struct PeerRule: Sendable {
    /// Nil: any cluster.
    let cluster: String?
    /// Nil: any role (the server asks for the role method by method).
    let role: PeerIdentity.Role?
    let trust: TLSConfiguration.Trust
  }

  let handle: TLSContextHandle
  /// Nil: servers of the web, whose certificates name hosts.
  let rule: PeerRule?
  /// Who we say we are; nil for a stranger.
  package let identity: PeerIdentity?

  private init(handle: TLSContextHandle, rule: PeerRule?, identity: PeerIdentity?) {
    self.handle = handle
    self.rule = rule
    self.identity = identity
  }

  /// For accepting: a peer without a certificate is let in as a stranger, one with a bad one is not.
  package static func server(_ configuration: TLSConfiguration) throws(TLSError) -> TLSContext {
    let handle = TLSContextHandle(.accepting)
    guard let identity = try handle.load(configuration) else {
      throw TLSError(.configuration, "a server needs a certificate and a key")
    }
    guard case .file = configuration.trust else {
      throw TLSError(.configuration, "a server needs its CA in a file")
    }
    let rule = PeerRule(
      cluster: configuration.cluster ?? identity.cluster, role: nil, trust: configuration.trust)
    return TLSContext(handle: handle, rule: rule, identity: identity)
  }

  /// For connecting: the server must be a coordinator of our cluster; its host name is not compared.
  package static func client(_ configuration: TLSConfiguration) throws(TLSError) -> TLSContext {
    let handle = TLSContextHandle(.connecting)
    let identity = try handle.load(configuration)
    let rule = PeerRule(
      cluster: configuration.cluster ?? identity?.cluster, role: .coordinator,
      trust: configuration.trust)
    return TLSContext(handle: handle, rule: rule, identity: identity)
  }

  /// For connecting to servers of the web: TLS 1.2 or newer, no certificate of ours, the host's name
  /// compared (`TLSMachine.connecting(_:host:)`).
  ///
  /// - Parameter caFile: the roots to trust, PEM; nil: those of this machine.
  package static func web(caFile: String? = nil) throws(TLSError) -> TLSContext {
    let handle = TLSContextHandle(.web)
    try handle.trust(caFile)
    return TLSContext(handle: handle, rule: nil, identity: nil)
  }
}

/// Owner of one `SSL_CTX`.
@safe final class TLSContextHandle {
  enum Purpose { case accepting, connecting, web }

  let pointer: OpaquePointer
  private let purpose: Purpose

  init(_ purpose: Purpose) {
    self.purpose = purpose
    ERR_clear_error()
    guard
      let pointer = unsafe SSL_CTX_new(
        purpose == .accepting ? TLS_server_method() : TLS_client_method())
    else { fatalError("OpenSSL could not allocate a context") }
    unsafe self.pointer = pointer
    let oldest = purpose == .web ? TLS1_2_VERSION : TLS1_3_VERSION
    // Macros in C: SSL_CTX_set_min_proto_version, _set_session_cache_mode, _set_mode.
    _ = unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(oldest), nil)
    _ = unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_SET_SESS_CACHE_MODE, 0, nil)
    let modes =
      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
      | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN
    _ = unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_MODE, Int(modes), nil)
    _ = unsafe SSL_CTX_set_num_tickets(pointer, 0)
    unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    unsafe SSL_CTX_set_verify_depth(pointer, purpose == .web ? 8 : 2)
    unsafe SSL_CTX_set_cert_verify_callback(pointer, { store, _ in unsafe verifyPeer(store) }, nil)
    unsafe SSL_CTX_set_info_callback(pointer) { ssl, what, _ in unsafe noticeMessage(ssl, what) }
    switch purpose {
    case .accepting: unsafe SSL_CTX_set_alpn_select_cb(pointer, selectHTTP2, nil)
    case .connecting:
      let protocols: [UInt8] = [2, UInt8(ascii: "h"), UInt8(ascii: "2")]
      _ = unsafe SSL_CTX_set_alpn_protos(pointer, protocols, 3)
    case .web: break
    }
  }

  deinit { unsafe SSL_CTX_free(pointer) }

  /// Loads the files; returns our own identity, nil when there is no certificate.
  func load(_ files: TLSConfiguration) throws(TLSError) -> PeerIdentity? {
    ERR_clear_error()
    if case .file(let caFile) = files.trust { try trust(caFile) }
    guard let chain = files.certificateChainFile, let key = files.keyFile else {
      guard files.certificateChainFile == nil, files.keyFile == nil else {
        throw TLSError(.configuration, "certificate and key must be given together")
      }
      return nil
    }
    guard unsafe SSL_CTX_use_certificate_chain_file(pointer, chain) == 1 else {
      throw fileError("certificate", chain)
    }
    guard unsafe SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1 else {
      throw fileError("private key", key)
    }
    guard unsafe SSL_CTX_check_private_key(pointer) == 1 else {
      throw TLSError(.configuration, "the key \(key) does not belong to \(chain)")
    }
    guard let own = unsafe SSL_CTX_get0_certificate(pointer),
      let identity = unsafe PeerIdentity(certificate: own)
    else {
      throw TLSError(
        .configuration,
        "\(chain) names no Belfry identity (URI SAN spiffe://<cluster>/<role>/<name>)")
    }
    if purpose == .accepting, case .file(let caFile) = files.trust { try showRoots(caFile) }
    return identity
  }

  func trust(_ caFile: String?) throws(TLSError) {
    ERR_clear_error()
    if let caFile {
      guard unsafe SSL_CTX_load_verify_locations(pointer, caFile, nil) == 1 else {
        throw fileError("CA certificate", caFile)
      }
    } else {
      _ = unsafe SSL_CTX_set_default_verify_paths(pointer)
    }
  }

  /// A server sends the CA behind its own chain: a machine that joins knows only its key's hash.
  private func showRoots(_ path: String) throws(TLSError) {
    ERR_clear_error()
    guard let file = unsafe BIO_new_file(path, "r") else { throw fileError("CA certificate", path) }
    defer { unsafe BIO_free(file) }
    while let root = unsafe PEM_read_bio_X509(file, nil, nil, nil) {
      // SSL_CTX_add0_chain_cert, a macro in C: the context owns it now, if it takes it.
      if unsafe SSL_CTX_ctrl(pointer, SSL_CTRL_CHAIN_CERT, 0, UnsafeMutableRawPointer(root)) != 1 {
        unsafe X509_free(root)
        throw fileError("CA certificate", path)
      }
    }
    ERR_clear_error()
  }

  private func fileError(_ what: String, _ path: String) -> TLSError {
    TLSError(.configuration, "cannot load \(what) \(path): \(takeOpenSSLErrors())")
  }
}

/// Picks `h2` from what the client offers; anything else ends the handshake with an alert.
private func selectHTTP2(
  _: OpaquePointer?, out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  outLength: UnsafeMutablePointer<UInt8>?, offered: UnsafePointer<UInt8>?, offeredLength: UInt32,
  _: UnsafeMutableRawPointer?
) -> Int32 {
  guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredLength))
  var index = 0
  while index < list.count {
    let length = Int(unsafe list[index])
    guard index + 1 + length <= list.count else { break }
    if length == 2, unsafe list[index + 1] == UInt8(ascii: "h"),
      unsafe list[index + 2] == UInt8(ascii: "2")
    {
      unsafe out?.pointee = offered + index + 1
      unsafe outLength?.pointee = 2
      return SSL_TLSEXT_ERR_OK
    }
    index += 1 + length
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Empties this thread's OpenSSL error queue into one readable line.
func takeOpenSSLErrors() -> String {
  var reasons: [String] = []
  while reasons.count < 8 {
    let code = ERR_get_error()
    guard code != 0 else { break }
    if let text = unsafe ERR_reason_error_string(code) {
      reasons.append(unsafe String(cString: text))
    } else {
      reasons.append("error \(code)")
    }
  }
  ERR_clear_error()
  return reasons.isEmpty ? "no reason given" : reasons.joined(separator: "; ")
}
