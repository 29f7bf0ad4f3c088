internal import BelfryCore
internal import CRabbitMQ

/// Memory that C reads while a message is sent: strings, and the entries of header tables.
///
/// Reset before each message with room for all of it, so that nothing moves while C looks.
@safe final class Arena {
  private var text = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 1)
  private var textUsed = 0
  private var table = UnsafeMutableBufferPointer<amqp_table_entry_t>.allocate(capacity: 32)
  private var tableUsed = 0

  deinit {
    unsafe text.deallocate()
    unsafe table.deallocate()
  }

  /// Forgets all that was put in and makes room for so many bytes and entries.
  func reset(bytes: Int, entries: Int) {
    textUsed = 0
    tableUsed = 0
    if unsafe text.count < bytes {
      unsafe text.deallocate()
      unsafe text = .allocate(byteCount: bytes * 2, alignment: 1)
    }
    if unsafe table.count < entries {
      unsafe table.deallocate()
      unsafe table = .allocate(capacity: entries * 2)
    }
  }

  func bytes(_ string: String) -> amqp_bytes_t {
    var string = string
    return string.withUTF8 { utf8 in
      guard utf8.count > 0 else { return unsafe amqp_bytes_t(len: 0, bytes: nil) }
      precondition(unsafe textUsed + utf8.count <= text.count, "the arena was reset for less")
      let place = unsafe UnsafeMutableRawBufferPointer(
        rebasing: text[textUsed..<(textUsed + utf8.count)])
      unsafe place.copyMemory(from: UnsafeRawBufferPointer(utf8))
      textUsed += utf8.count
      return unsafe amqp_bytes_t(len: utf8.count, bytes: place.baseAddress)
    }
  }

  func entries(_ count: Int) -> UnsafeMutableBufferPointer<amqp_table_entry_t> {
    precondition(unsafe tableUsed + count <= table.count, "the arena was reset for less")
    defer { tableUsed += count }
    return unsafe UnsafeMutableBufferPointer(rebasing: table[tableUsed..<(tableUsed + count)])
  }

  func entry(_ name: String, _ value: HeaderValue) -> amqp_table_entry_t {
    var field = unsafe amqp_field_value_t()
    switch value {
    case .bool(let flag):
      unsafe field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
      unsafe field.value.boolean = flag ? 1 : 0
    case .int(let number):
      unsafe field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
      unsafe field.value.i64 = number
    case .timestamp(let seconds):
      unsafe field.kind = UInt8(AMQP_FIELD_KIND_TIMESTAMP.rawValue)
      unsafe field.value.u64 = UInt64(clamping: seconds)
    case .text(let string), .other(let string):
      unsafe field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
      unsafe field.value.bytes = bytes(string)
    }
    return unsafe amqp_table_entry_t(key: bytes(name), value: field)
  }

  func table(of values: [(String, HeaderValue)]) -> amqp_table_t {
    let entries = unsafe entries(values.count)
    for (index, value) in values.enumerated() {
      unsafe entries[index] = entry(value.0, value.1)
    }
    return unsafe amqp_table_t(num_entries: Int32(values.count), entries: entries.baseAddress)
  }
}

extension String {
  /// What is no UTF-8 is repaired: names and texts for people.
  init(_ bytes: amqp_bytes_t) {
    unsafe self.init(
      decoding: unsafe UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len), as: UTF8.self)
  }
}
