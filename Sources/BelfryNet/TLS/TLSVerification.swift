internal import COpenSSL

/// The verdict over the peer's certificate: chain, dates and purpose by OpenSSL, then the identity.
///
/// The reason stays with our machine; the peer is told only `handshake_failure`, whatever it was.
func verifyPeer(_ store: OpaquePointer?) -> Int32 {
  guard let store = unsafe store,
    let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
    let owner = unsafe SSL_get_ex_data(OpaquePointer(ssl), 0)
  else { return 0 }
  let machine = unsafe Unmanaged<TLSMachine>.fromOpaque(owner)
  return unsafe machine._withUnsafeGuaranteedRef { machine in
    if let reason = unsafe refusal(of: store, rule: machine.rule) {
      machine.verificationFailed(reason)
      unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
      return 0
    }
    return 1
  }
}

/// OpenSSL has moved through its handshake, which it does after it only for the peer's messages.
func noticeMessage(_ ssl: OpaquePointer?, _ what: Int32) {
  guard what & SSL_CB_LOOP != 0, let ssl = unsafe ssl,
    let owner = unsafe SSL_get_ex_data(ssl, 0)
  else { return }
  unsafe Unmanaged<TLSMachine>.fromOpaque(owner)._withUnsafeGuaranteedRef {
    $0.handshakeMessageSeen()
  }
}

/// Nil when the peer is accepted, else why it is not.
private func refusal(of store: OpaquePointer, rule: TLSContext.PeerRule?) -> String? {
  let pin = rule.flatMap { unsafe PinnedRoots($0.trust, shownIn: store) }
  if let pin {
    guard !pin.isEmpty else {
      return "the CA in its chain is another one, or it shows none"
    }
    unsafe pin.apply(to: store)
  }
  let verified = withExtendedLifetime(pin) { unsafe X509_verify_cert(store) }
  let leaf = unsafe X509_STORE_CTX_get0_cert(store)
  let identity = unsafe leaf.flatMap { unsafe PeerIdentity(certificate: $0) }
  let who = identity.map { "certificate of \($0)" } ?? "certificate"
  guard verified == 1 else {
    let code = unsafe X509_STORE_CTX_get_error(store)
    let text = unsafe X509_verify_cert_error_string(Int(code)).map { unsafe String(cString: $0) }
    let isForeign = [
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
    ].contains(code)
    return "\(who): \(text ?? "error \(code)")" + (isForeign ? " (it is not of our CA)" : "")
  }
  guard let rule else { return nil }
  guard let identity else {
    return "certificate names no Belfry identity (URI SAN spiffe://<cluster>/<role>/<name>)"
  }
  if let cluster = rule.cluster, cluster != identity.cluster {
    return "\(who): wrong cluster, \(cluster) expected"
  }
  if let role = rule.role, role != identity.role {
    return "\(who): role \(role.rawValue) expected"
  }
  return nil
}

extension PeerIdentity {
  /// Reads the one URI SAN of a certificate; nil when there is none of our form, or several.
  init?(certificate: OpaquePointer) {
    guard let names = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
      return nil
    }
    let stack = OpaquePointer(names)
    defer { unsafe GENERAL_NAMES_free(stack) }
    var uris: [String] = []
    for index in 0..<max(0, unsafe OPENSSL_sk_num(stack)) {
      guard let value = unsafe OPENSSL_sk_value(stack, index) else { continue }
      let name = unsafe value.assumingMemoryBound(to: GENERAL_NAME.self)
      guard unsafe name.pointee.type == GEN_URI,
        let text = unsafe name.pointee.d.uniformResourceIdentifier,
        let bytes = unsafe ASN1_STRING_get0_data(text)
      else { continue }
      let count = Int(unsafe ASN1_STRING_length(text))
      uris.append(
        unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self))
    }
    guard uris.count == 1 else { return nil }
    self.init(
      uri: uris[0], notAfter: unsafe secondsSince1970(X509_get0_notAfter(certificate)),
      serial: unsafe serialText(X509_get0_serialNumber(certificate)))
    notBefore = unsafe secondsSince1970(X509_get0_notBefore(certificate))
  }
}

/// Upper case hex, as `openssl x509 -serial` prints it.
private func serialText(_ number: UnsafePointer<ASN1_INTEGER>?) -> String {
  guard let number = unsafe number, let data = unsafe number.pointee.data else { return "" }
  let digits = Array("0123456789ABCDEF".utf8)
  var text: [UInt8] = []
  for byte in unsafe Array(
    UnsafeBufferPointer(start: data, count: Int(number.pointee.length)))
  {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

/// Seconds since 1970 of an ASN.1 time; 0 when it cannot be read.
private func secondsSince1970(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
  guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { return 0 }
  defer { unsafe ASN1_STRING_free(epoch) }
  var days: Int32 = 0
  var seconds: Int32 = 0
  guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return 0 }
  return Int64(days) * 86_400 + Int64(seconds)
}
