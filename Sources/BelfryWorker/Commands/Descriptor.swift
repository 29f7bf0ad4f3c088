internal import CGlibc
internal import Glibc

/// Owns a file descriptor and closes it.
struct Descriptor: ~Copyable {
  let raw: Int32

  init(takingOwnership raw: Int32) {
    self.raw = raw
  }

  deinit {
    Glibc.close(raw)
  }

  consuming func close() {}

  /// Gives it to somebody who will close it.
  consuming func release() -> Int32 {
    let raw = self.raw
    discard self
    return raw
  }
}

/// Both ends of a pipe; no child inherits them unless it is spawned with them.
struct Pipe: ~Copyable {
  let reader: Descriptor
  let writer: Descriptor

  init() throws(SystemCallError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw .last("pipe2") }
    reader = Descriptor(takingOwnership: ends[0])
    writer = Descriptor(takingOwnership: ends[1])
  }
}
