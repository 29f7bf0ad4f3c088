import NIOCore

/// HTTP/2 frames as bytes, also those that no proper peer sends.
enum RawFrame {
  static func frame(
    _ type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = []
  ) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeBytes([
      UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255),
    ])
    buffer.writeBytes([type, flags])
    buffer.writeInteger(stream)
    buffer.writeBytes(payload)
    return buffer
  }

  static func data(_ stream: Int32, _ bytes: [UInt8], end: Bool = false) -> ByteBuffer {
    frame(0, flags: end ? 1 : 0, stream: stream, bytes)
  }

  /// Names and values below 127 bytes, as HPACK literals without indexing.
  static func headers(
    _ stream: Int32, _ fields: [(name: String, value: String)], end: Bool = false,
    confirmsTable: Bool = true
  ) -> ByteBuffer {
    // Our server announces a table of no bytes, and the first list must confirm it.
    var block: [UInt8] = confirmsTable ? [0x20] : []
    for field in fields {
      block.append(0)
      for text in [field.name, field.value] {
        block.append(UInt8(text.utf8.count))
        block += text.utf8
      }
    }
    return frame(1, flags: end ? 5 : 4, stream: stream, block)
  }

  static func reset(_ stream: Int32, _ code: UInt32) -> ByteBuffer {
    frame(3, stream: stream, bigEndian(code))
  }

  static var settings: ByteBuffer { frame(4) }
  static var settingsAnswer: ByteBuffer { frame(4, flags: 1) }

  static func ping(_ payload: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8], answer: Bool = false)
    -> ByteBuffer
  {
    frame(6, flags: answer ? 1 : 0, stream: 0, payload)
  }

  static func goAway(last: Int32, _ code: UInt32 = 0) -> ByteBuffer {
    frame(7, stream: 0, bigEndian(UInt32(bitPattern: last)) + bigEndian(code))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
