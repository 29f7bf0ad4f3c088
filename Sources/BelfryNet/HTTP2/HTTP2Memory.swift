internal import CNghttp2
internal import NIOPosix

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Where a session's nghttp2 gets its memory: pieces that were given back are kept for the next call,
/// since nghttp2 asks for a dozen small ones in each.
///
/// What is kept belongs to the thread, not to the connection, so that idle connections cost nothing.
/// Pieces above 512 bytes go to the system.
@safe final class HTTP2Memory {
  private typealias Shelves = UnsafeMutablePointer<ThreadPieces.Shelf>

  /// Before each piece: its size class, padded so that the piece is aligned as `malloc` aligns.
  private static let headBytes = 16
  private static let classCount = 16
  private static let classBytes = 32
  /// Pieces kept in each class: enough for a thousand streams.
  private static let keptMax = 4_096

  /// The shelves of the thread that works with the session now.
  private let current: UnsafeMutablePointer<Shelves>

  init() {
    unsafe current = .allocate(capacity: 1)
    unsafe current.initialize(to: ThreadPieces.ofThisThread.shelves)
  }

  /// The session must have been deleted.
  deinit { unsafe current.deallocate() }

  /// To be called on every way into nghttp2: the thread may be another one than before.
  func enter() { unsafe current.pointee = ThreadPieces.ofThisThread.shelves }

  /// The form in which nghttp2 takes it.
  var functions: nghttp2_mem {
    unsafe nghttp2_mem(
      mem_user_data: UnsafeMutableRawPointer(current),
      malloc: { size, state in unsafe HTTP2Memory.take(size, HTTP2Memory.shelves(state)) },
      free: { piece, state in unsafe HTTP2Memory.give(piece, HTTP2Memory.shelves(state)) },
      calloc: { count, size, state in
        let (total, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow,
          let piece = unsafe HTTP2Memory.take(total, HTTP2Memory.shelves(state))
        else { return nil }
        return unsafe memset(piece, 0, total)
      },
      realloc: { piece, size, state in
        unsafe HTTP2Memory.resize(piece, size, HTTP2Memory.shelves(state))
      })
  }

  private static func shelves(_ state: UnsafeMutableRawPointer?) -> Shelves? {
    unsafe state?.assumingMemoryBound(to: Shelves.self).pointee
  }

  private static func take(_ size: Int, _ shelves: Shelves?) -> UnsafeMutableRawPointer? {
    let index = max(0, size - 1) / classBytes
    guard index < classCount, let shelves = unsafe shelves else {
      guard size < .max - headBytes else { return nil }
      return unsafe stamp(emptied(malloc(size + headBytes), size), classCount)
    }
    if let piece = unsafe shelves[index].first {
      unsafe shelves[index].first = piece.load(as: UnsafeMutableRawPointer?.self)
      unsafe shelves[index].count &-= 1
      return unsafe piece
    }
    return unsafe stamp(malloc((index + 1) * classBytes + headBytes), index)
  }

  /// Each session keeps 16 KiB for the frames it sends and mostly writes their beginning: the whole
  /// pages in it, left over from another use, go back to the system until they are written.
  private static func emptied(
    _ block: UnsafeMutableRawPointer?, _ size: Int
  ) -> UnsafeMutableRawPointer? {
    guard size >= 16_384, let block = unsafe block else { return unsafe block }
    let page = UInt(max(4_096, sysconf(Int32(_SC_PAGESIZE))))
    let first = (UInt(bitPattern: block) + page - 1) / page * page
    let end = unsafe UInt(bitPattern: block + size) / page * page
    if end > first {
      _ = unsafe madvise(
        UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_DONTNEED)
    }
    return unsafe block
  }

  private static func stamp(
    _ block: UnsafeMutableRawPointer?, _ index: Int
  ) -> UnsafeMutableRawPointer? {
    unsafe block?.storeBytes(of: index, as: Int.self)
    return unsafe block.map { unsafe $0 + headBytes }
  }

  private static func give(_ piece: UnsafeMutableRawPointer?, _ shelves: Shelves?) {
    guard let piece = unsafe piece else { return }
    let block = unsafe piece - headBytes
    let index = unsafe block.load(as: Int.self)
    guard index < classCount, let shelves = unsafe shelves, unsafe shelves[index].count < keptMax
    else { return unsafe free(block) }
    unsafe piece.storeBytes(of: shelves[index].first, as: UnsafeMutableRawPointer?.self)
    unsafe shelves[index].first = unsafe piece
    unsafe shelves[index].count &+= 1
  }

  private static func resize(
    _ piece: UnsafeMutableRawPointer?, _ size: Int, _ shelves: Shelves?
  ) -> UnsafeMutableRawPointer? {
    guard let piece = unsafe piece else { return unsafe take(size, shelves) }
    let block = unsafe piece - headBytes
    let index = unsafe block.load(as: Int.self)
    if index == classCount {
      // Large pieces stay so, also when they shrink.
      guard size < .max - headBytes else { return nil }
      return unsafe realloc(block, size + headBytes).map { unsafe $0 + headBytes }
    }
    let room = (index + 1) * classBytes
    if size <= room { return unsafe piece }
    guard let larger = unsafe take(size, shelves) else { return nil }
    unsafe memcpy(larger, piece, room)
    unsafe give(piece, shelves)
    return unsafe larger
  }

  /// The pieces that one thread keeps; freed when it ends. No other thread sees them.
  @safe private final class ThreadPieces: @unchecked Sendable {
    @unsafe struct Shelf {
      var first: UnsafeMutableRawPointer?
      var count = 0
    }

    let shelves: Shelves

    private static let specific = ThreadSpecificVariable<ThreadPieces>()

    static var ofThisThread: ThreadPieces {
      if let pieces = specific.currentValue { return pieces }
      let pieces = ThreadPieces()
      specific.currentValue = pieces
      return pieces
    }

    private init() {
      unsafe shelves = .allocate(capacity: classCount)
      unsafe shelves.initialize(repeating: Shelf(), count: classCount)
    }

    deinit {
      for index in 0..<classCount {
        while let piece = unsafe shelves[index].first {
          unsafe shelves[index].first = piece.load(as: UnsafeMutableRawPointer?.self)
          unsafe free(piece - headBytes)
        }
      }
      unsafe shelves.deallocate()
    }
  }
}
