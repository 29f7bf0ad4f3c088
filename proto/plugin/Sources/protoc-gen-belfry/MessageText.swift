import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// The codec of one message: its fields told apart into scalars of the block and variable parts.
///
/// A oneof is in both: the number of its member in the block, the member's value in a part. It
/// stands where its lowest field number stands, which stays when members are added.
struct MessageText {
  private enum Item {
    case field(FieldText)
    case oneof(OneofText)
  }

  private let swiftName: String
  private let items: [Item]

  init(_ message: Descriptor, namer: SwiftProtobufNamer) throws {
    try Self.check(message)
    self.swiftName = namer.fullName(message: message)
    var items: [Item] = []
    for field in message.fields.sorted(by: { $0.number < $1.number }) {
      guard let oneof = field.realContainingOneof else {
        items.append(.field(try FieldText(field, namer: namer)))
        continue
      }
      guard oneof.fields.map(\.number).min() == field.number else { continue }
      items.append(.oneof(try OneofText(oneof, namer: namer)))
    }
    self.items = items
  }

  /// Refuses what the codec cannot carry, and holes in the numbering: a hole is a field that was
  /// taken away, and with it every later field would move.
  private static func check(_ message: Descriptor) throws {
    guard message.reservedRanges.isEmpty, message.reservedNames.isEmpty else {
      throw SchemaError("\(message.fullName): has reserved fields; a field stays for ever")
    }
    let numbers = message.fields.map { Int($0.number) }.sorted()
    guard numbers == Array(1..<(numbers.count + 1)) else {
      throw SchemaError("\(message.fullName): field numbers are not 1 to \(numbers.count)")
    }
  }

  func print(to printer: inout CodePrinter) {
    printer.print("", "extension \(swiftName): WireMessage {")
    printer.withIndentation { printer in
      printEncode(to: &printer)
      printer.print("")
      printDecode(to: &printer)
    }
    printer.print("}")
  }

  private func printEncode(to printer: inout CodePrinter) {
    printer.print("package func encode(into writer: inout WireWriter) {")
    printer.withIndentation { printer in
      printer.print("writer.openBlock(\(blockBytes))")
      for item in items {
        switch item {
        case .field(let field): if let line = field.encodeScalar { printer.print(line) }
        case .oneof(let oneof): oneof.printEncodeNumber(to: &printer)
        }
      }
      for item in items {
        switch item {
        case .field(let field): if let line = field.encodePart { printer.print(line) }
        case .oneof(let oneof): oneof.printEncodePart(to: &printer)
        }
      }
    }
    printer.print("}")
  }

  private func printDecode(to printer: inout CodePrinter) {
    printer.print("package mutating func decode(from reader: inout WireReader) throws(WireError) {")
    printer.withIndentation { printer in
      printer.print("try reader.openBlock()")
      for item in items {
        switch item {
        case .field(let field): if let line = field.decodeScalar { printer.print(line) }
        case .oneof(let oneof): printer.print(oneof.decodeNumber)
        }
      }
      printer.print("reader.closeBlock()")
      for item in items {
        switch item {
        case .field(let field): if let line = field.decodePart { printer.print(line) }
        case .oneof(let oneof): oneof.printDecodePart(to: &printer)
        }
      }
    }
    printer.print("}")
  }

  private var blockBytes: Int {
    items.reduce(0) { bytes, item in
      switch item {
      case .field(let field): bytes + field.blockBytes
      case .oneof: bytes + 4
      }
    }
  }
}
