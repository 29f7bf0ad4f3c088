internal import COpenSSL

/// The two things every OpenSSL call here needs: its error queue as one of our errors, and PEM
/// text in and out of a memory BIO.
enum OpenSSL {
  /// Drains the error queue into one error. Call it right after the call that failed.
  static func failure(_ code: IdentityError.Code, _ what: String) -> IdentityError {
    var reasons: [String] = []
    while case let error = ERR_get_error(), error != 0 {
      if let reason = unsafe ERR_reason_error_string(error) {
        unsafe reasons.append(String(cString: reason))
      }
    }
    let why = reasons.isEmpty ? "" : " (OpenSSL: \(reasons.joined(separator: ", ")))"
    return IdentityError(code, what + why)
  }

  /// Turns the 0 or negative number by which OpenSSL says no into an error.
  static func check(_ result: Int32, _ what: String) throws(IdentityError) {
    guard result > 0 else { throw failure(.crypto, what) }
  }

  /// Lets `body` parse `bytes` from a memory BIO that ends with it; nil when it finds nothing.
  static func parse(
    _ bytes: some Sequence<UInt8>, _ body: (OpaquePointer) -> OpaquePointer?
  ) -> OpaquePointer? {
    ERR_clear_error()
    return unsafe Array(bytes).withUnsafeBytes { buffer in
      guard let count = Int32(exactly: buffer.count), count > 0,
        let bio = unsafe BIO_new_mem_buf(buffer.baseAddress, count)
      else { return nil }
      defer { unsafe BIO_free(bio) }
      return unsafe body(bio)
    }
  }

  /// Collects as text what `body` writes to a memory BIO; `body` returns OpenSSL's 1 for done.
  static func text(
    of what: String, _ body: (OpaquePointer) -> Int32
  ) throws(IdentityError) -> String {
    ERR_clear_error()
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { fatalError("no memory for a BIO") }
    defer { unsafe BIO_free(bio) }
    try unsafe check(body(bio), "cannot write \(what)")
    let count = unsafe BIO_ctrl_pending(bio)
    return unsafe String(unsafeUninitializedCapacity: count) { buffer in
      unsafe max(0, Int(BIO_read(bio, buffer.baseAddress, Int32(count))))
    }
  }
}
