#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One received header list, kept as it came: fields in order, all in one piece of memory.
@safe package struct HTTP2HeaderBlock: @unchecked Sendable {
  package struct Field: Sendable {
    /// Which of the usual names this is, found once, as it arrives.
    package let known: KnownName?
    fileprivate let place: Int32
    fileprivate let nameSize: Int32
    fileprivate let valueSize: Int32
  }

  fileprivate struct Head {
    let fieldCount: Int
    let byteCount: Int
    let listBytes: Int
  }

  /// The fields, and the bytes of all names and values behind them. Never changed once it is made.
  fileprivate typealias Storage = ManagedBuffer<Head, Field>

  private let storage: Storage

  fileprivate init(_ storage: Storage) { self.storage = storage }

  /// Builds a block from text, for tests.
  package init(_ fields: [(name: String, value: String)]) {
    let arena = HTTP2HeaderArena()
    for field in fields {
      unsafe Array(field.name.utf8).withUnsafeBufferPointer { name in
        unsafe Array(field.value.utf8).withUnsafeBufferPointer { value in
          unsafe arena.append(name: name, value: value)
        }
      }
    }
    self = arena.take()
  }

  package var fieldCount: Int {
    unsafe storage.withUnsafeMutablePointerToHeader { unsafe $0.pointee.fieldCount }
  }

  /// Size as RFC 9113 section 6.5.2 counts it.
  package var listBytes: Int { storage.header.listBytes }

  package var fields: some RandomAccessCollection<Field> {
    (0..<fieldCount).lazy.map { self[$0] }
  }

  package subscript(index: Int) -> Field {
    unsafe storage.withUnsafeMutablePointers { head, fields in
      precondition(unsafe index >= 0 && index < head.pointee.fieldCount, "no field \(index)")
      return unsafe fields[index]
    }
  }

  package func name(of field: Field) -> [UInt8] {
    unsafe withBytes(field.place, field.nameSize) { unsafe Array($0) }
  }

  package func value(of field: Field) -> [UInt8] {
    unsafe withValue(of: field) { unsafe Array($0) }
  }

  package func text(of field: Field) -> String {
    unsafe withValue(of: field) { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// The first value under a name, nil when there is none.
  package func first(_ name: String) -> String? {
    fields.first { self.name(of: $0).elementsEqual(name.utf8) }.map { text(of: $0) }
  }

  /// True when the field's value is exactly this.
  package func value(of field: Field, is expected: StaticString) -> Bool {
    guard Int(field.valueSize) == expected.utf8CodeUnitCount else { return false }
    return unsafe withValue(of: field) { value in
      guard let start = value.baseAddress else { return true }
      return unsafe memcmp(start, expected.utf8Start, value.count) == 0
    }
  }

  /// Lends the field's value without a copy.
  package func withValue<Result>(
    of field: Field, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    unsafe withBytes(field.place &+ field.nameSize, field.valueSize, body)
  }

  private func withBytes<Result>(
    _ place: Int32, _ count: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    unsafe storage.withUnsafeMutablePointers { head, fields in
      precondition(
        unsafe Int(place) + Int(count) <= head.pointee.byteCount, "another block's field")
      let bytes = unsafe UnsafeRawPointer(fields + head.pointee.fieldCount)
        .assumingMemoryBound(to: UInt8.self)
      return unsafe body(UnsafeBufferPointer(start: bytes + Int(place), count: Int(count)))
    }
  }
}

/// Where a header list is gathered while it arrives: memory that is used again for the next.
@safe final class HTTP2HeaderArena {
  private typealias Field = HTTP2HeaderBlock.Field

  private var fields: UnsafeMutablePointer<Field>
  private var fieldCapacity = 16
  private(set) var fieldCount = 0
  private var bytes: UnsafeMutablePointer<UInt8>
  private var byteCapacity = 512
  private var byteCount = 0
  /// Size as RFC 9113 section 6.5.2 counts it.
  private(set) var listBytes = 0

  init() {
    unsafe fields = .allocate(capacity: fieldCapacity)
    unsafe bytes = .allocate(capacity: byteCapacity)
  }

  deinit {
    unsafe fields.deallocate()
    unsafe bytes.deallocate()
  }

  func clear() {
    fieldCount = 0
    byteCount = 0
    listBytes = 0
  }

  func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    let added = name.count &+ value.count
    if fieldCount == fieldCapacity || added > byteCapacity &- byteCount { reserve(added) }
    // None of these is longer than a frame with its continuations.
    unsafe (fields + fieldCount).initialize(
      to: Field(
        known: HTTP2HeaderBlock.KnownName(name), place: Int32(truncatingIfNeeded: byteCount),
        nameSize: Int32(truncatingIfNeeded: name.count),
        valueSize: Int32(truncatingIfNeeded: value.count)))
    let place = unsafe bytes + byteCount
    if let start = name.baseAddress { unsafe memcpy(place, start, name.count) }
    if let start = value.baseAddress { unsafe memcpy(place + name.count, start, value.count) }
    fieldCount &+= 1
    byteCount &+= added
    listBytes &+= added &+ 32
  }

  /// What was gathered, in a piece of its own.
  func take() -> HTTP2HeaderBlock {
    let stride = MemoryLayout<Field>.stride
    let storage = HTTP2HeaderBlock.Storage.create(
      minimumCapacity: fieldCount + (byteCount + stride - 1) / stride
    ) { _ in
      HTTP2HeaderBlock.Head(fieldCount: fieldCount, byteCount: byteCount, listBytes: listBytes)
    }
    unsafe storage.withUnsafeMutablePointerToElements { start in
      unsafe start.initialize(from: fields, count: fieldCount)
      unsafe memcpy(start + fieldCount, bytes, byteCount)
    }
    clear()
    return HTTP2HeaderBlock(storage)
  }

  /// Makes room for one more field of so many bytes.
  private func reserve(_ added: Int) {
    if fieldCount == fieldCapacity {
      let larger = UnsafeMutablePointer<Field>.allocate(capacity: fieldCapacity * 2)
      unsafe larger.initialize(from: fields, count: fieldCount)
      unsafe fields.deallocate()
      unsafe fields = unsafe larger
      fieldCapacity *= 2
    }
    guard byteCount + added > byteCapacity else { return }
    while byteCount + added > byteCapacity { byteCapacity *= 2 }
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: byteCapacity)
    unsafe larger.initialize(from: bytes, count: byteCount)
    unsafe bytes.deallocate()
    unsafe bytes = unsafe larger
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

    /// The only name it can be: those of one length differ in one letter.
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
