internal import COpenSSL

/// What OpenSSL takes for the network: reads and writes go to the buffers of a `TLSMachine`.
///
/// OpenSSL's own memory BIOs copy each byte once more in each direction, keep the largest amount that
/// ever waited for as long as the connection lives, and move what is left to the front.
enum TLSNetwork {
  /// Owner of the one table all connections share; lives as long as the program.
  @safe final class Method: @unchecked Sendable {
    let pointer: OpaquePointer

    init() {
      let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
      guard let method = unsafe BIO_meth_new(kind, "Belfry's buffers") else {
        fatalError("OpenSSL could not allocate a method")
      }
      unsafe pointer = method
      unsafe BIO_meth_set_read(method, read)
      unsafe BIO_meth_set_write(method, write)
      unsafe BIO_meth_set_ctrl(method, control)
    }
  }

  static let method = Method()
}

/// The machine behind a BIO; it outlives its connection's BIO, which it frees.
private func machine(of bio: OpaquePointer?) -> Unmanaged<TLSMachine>? {
  guard let owner = unsafe BIO_get_data(bio) else { return nil }
  return unsafe Unmanaged<TLSMachine>.fromOpaque(owner)
}

private func read(
  _ bio: OpaquePointer?, place: UnsafeMutablePointer<CChar>?, bytesMax: Int32
) -> Int32 {
  guard let place = unsafe place, let machine = unsafe machine(of: bio) else { return -1 }
  unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
  let count = unsafe machine._withUnsafeGuaranteedRef {
    unsafe $0.moveIncoming(to: place, bytesMax: Int(bytesMax))
  }
  guard count == 0 else { return Int32(truncatingIfNeeded: count) }
  // Nothing there is no end: more may be received.
  unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
  return -1
}

private func write(
  _ bio: OpaquePointer?, bytes: UnsafePointer<CChar>?, count: Int32
) -> Int32 {
  guard let machine = unsafe machine(of: bio) else { return -1 }
  unsafe machine._withUnsafeGuaranteedRef {
    unsafe $0.appendOutgoing(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
  }
  return count
}

private func control(
  _: OpaquePointer?, command: Int32, _: Int, _: UnsafeMutableRawPointer?
) -> Int {
  // What is written is where it belongs: a flush has succeeded already.
  command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0
}
