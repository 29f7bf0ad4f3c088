#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One received header list, kept as it came: fields in order, all in one piece of memory.
///
/// The bytes of names and values grow from the piece's beginning, the fields' places from its end. A
/// value: who changes a block that others hold gets a piece of its own.
@safe package struct HTTP2HeaderBlock: @unchecked Sendable {
  package struct Field: Sendable {
    /// Which of the usual names this is, found once, as it arrives.
    package let known: KnownName?
    fileprivate let place: Int32
    fileprivate let nameSize: Int32
    fileprivate let valueSize: Int32
  }

  private struct Head {
    var byteCount = 0
    var fieldCount = 0
    /// Bytes of the piece.
    let capacity: Int
  }

  private typealias Storage = ManagedBuffer<Head, UInt8>

  /// Enough for the lists of most calls.
  private static let firstCapacity = 512

  private var storage: Storage?
  /// Size as RFC 9113 section 6.5.2 counts it.
  package private(set) var listBytes = 0

  package init() {}

  /// Builds a block from text, for tests.
  package init(_ fields: [(name: String, value: String)]) {
    for field in fields {
      unsafe Array(field.name.utf8).withUnsafeBufferPointer { name in
        unsafe Array(field.value.utf8).withUnsafeBufferPointer { value in
          unsafe append(name: name, value: value)
        }
      }
    }
  }

  package var fieldCount: Int { storage?.header.fieldCount ?? 0 }

  package var fields: some RandomAccessCollection<Field> {
    (0..<fieldCount).lazy.map { self[$0] }
  }

  package subscript(index: Int) -> Field {
    guard let storage, index >= 0, index < storage.header.fieldCount else {
      preconditionFailure("field \(index) of \(fieldCount)")
    }
    return unsafe storage.withUnsafeMutablePointers { head, bytes in
      unsafe Self.place(of: index, bytes, head.pointee.capacity).load(as: Field.self)
    }
  }

  mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    let added = name.count + value.count
    let storage = room(for: added)
    unsafe storage.withUnsafeMutablePointers { head, bytes in
      let field = Field(
        known: unsafe KnownName(name), place: Int32(clamping: unsafe head.pointee.byteCount),
        nameSize: Int32(clamping: name.count), valueSize: Int32(clamping: value.count))
      let end = unsafe bytes + head.pointee.byteCount
      if let start = name.baseAddress { unsafe memcpy(end, start, name.count) }
      if let start = value.baseAddress { unsafe memcpy(end + name.count, start, value.count) }
      unsafe Self.place(of: head.pointee.fieldCount, bytes, head.pointee.capacity)
        .storeBytes(of: field, as: Field.self)
      unsafe head.pointee.byteCount += added
      unsafe head.pointee.fieldCount += 1
    }
    listBytes += added + 32
  }

  package func name(of field: Field) -> [UInt8] {
    unsafe withBytes(field.place, field.nameSize) { unsafe Array($0) }
  }

  package func value(of field: Field) -> [UInt8] { unsafe withValue(of: field) { unsafe Array($0) } }

  package func text(of field: Field) -> String {
    unsafe withValue(of: field) { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The first value under a name, nil when there is none.
  package func first(_ name: String) -> String? {
    fields.first { self.name(of: $0).elementsEqual(name.utf8) }.map { text(of: $0) }
  }

  /// True when the field's value is exactly this.
  package func value(of field: Field, is expected: [UInt8]) -> Bool {
    guard Int(field.valueSize) == expected.count else { return false }
    return unsafe withValue(of: field) { value in
      guard let start = value.baseAddress else { return true }
      return unsafe memcmp(start, expected, expected.count) == 0
    }
  }

  /// Lends the field's value without a copy.
  package func withValue<Result>(
    of field: Field, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    unsafe withBytes(field.place + field.nameSize, field.valueSize, body)
  }

  private func withBytes<Result>(
    _ place: Int32, _ count: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    guard let storage else { return unsafe body(UnsafeBufferPointer(start: nil, count: 0)) }
    return unsafe storage.withUnsafeMutablePointers { head, bytes in
      precondition(unsafe Int(place) + Int(count) <= head.pointee.byteCount, "another block's field")
      return unsafe body(UnsafeBufferPointer(start: bytes + Int(place), count: Int(count)))
    }
  }

  /// Where a field's place is kept: the first at the end of the piece, the others before it.
  private static func place(
    of index: Int, _ bytes: UnsafeMutablePointer<UInt8>, _ capacity: Int
  ) -> UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bytes + (capacity - (index + 1) * MemoryLayout<Field>.stride))
  }

  /// Storage of our own with room for one more field of so many bytes.
  private mutating func room(for added: Int) -> Storage {
    let fieldBytes = MemoryLayout<Field>.stride
    let used = storage.map { $0.header.byteCount + $0.header.fieldCount * fieldBytes } ?? 0
    let wanted = used + added + fieldBytes
    if isKnownUniquelyReferenced(&storage), let storage, wanted <= storage.header.capacity {
      return storage
    }
    // A multiple of a field's alignment.
    var capacity = max(Self.firstCapacity, storage?.header.capacity ?? 0)
    while capacity < wanted { capacity *= 2 }
    let old = storage
    let new = Storage.create(minimumCapacity: capacity) { _ in Head(capacity: capacity) }
    unsafe old?.withUnsafeMutablePointers { oldHead, oldBytes in
      unsafe new.withUnsafeMutablePointers { head, bytes in
        let (byteCount, count) = unsafe (oldHead.pointee.byteCount, oldHead.pointee.fieldCount)
        unsafe memcpy(bytes, oldBytes, byteCount)
        if count > 0 {
          unsafe memcpy(
            Self.place(of: count - 1, bytes, capacity),
            Self.place(of: count - 1, oldBytes, oldHead.pointee.capacity), count * fieldBytes)
        }
        unsafe head.pointee.byteCount = byteCount
        unsafe head.pointee.fieldCount = count
      }
    }
    storage = new
    return new
  }
}

extension HTTP2HeaderBlock {
  /// Names that are looked for in every call.
  package enum KnownName: Sendable {
    case method, path, status, contentType, grpcTimeout, grpcEncoding, grpcStatus, grpcMessage
    case grpcAcceptEncoding

    init?(_ name: UnsafeBufferPointer<UInt8>) {
      guard let (known, text) = unsafe Self.candidate(name), let start = name.baseAddress,
        text.utf8CodeUnitCount == name.count, unsafe memcmp(text.utf8Start, start, name.count) == 0
      else { return nil }
      self = known
    }

    /// The only name it can be: no two have the same length and the same sixth (or second) letter.
    private static func candidate(_ name: UnsafeBufferPointer<UInt8>) -> (Self, StaticString)? {
      switch name.count {
      case 5: (.path, ":path")
      case 7: unsafe name[1] == UInt8(ascii: "m") ? (.method, ":method") : (.status, ":status")
      case 11: (.grpcStatus, "grpc-status")
      case 12:
        switch unsafe name[5] {
        case UInt8(ascii: "n"): (.contentType, "content-type")
        case UInt8(ascii: "t"): (.grpcTimeout, "grpc-timeout")
        default: (.grpcMessage, "grpc-message")
        }
      case 13: (.grpcEncoding, "grpc-encoding")
      case 20: (.grpcAcceptEncoding, "grpc-accept-encoding")
      default: nil
      }
    }
  }
}
