import SwiftProtobufPluginLibrary

/// The lines that write and read one field outside a oneof.
struct FieldText {
  private let name: String
  private let has: String
  private let value: ValueText
  private let isRepeated: Bool
  /// Zeros are not set, in a message whose fields swift-protobuf keeps on the heap: there a set
  /// costs more than the reading.
  private let skipsZero: Bool

  init(_ field: FieldDescriptor, namer: SwiftProtobufNamer) throws {
    guard !field.isMap else { throw SchemaError("\(field.fullName): a map") }
    let names = namer.messagePropertyNames(field: field, prefixed: "", includeHasAndClear: true)
    self.name = "self.\(names.name)"
    self.has = "self.\(names.has)"
    self.value = try ValueText(field, namer: namer)
    self.isRepeated = field.isRepeated
    self.skipsZero = field.containingType.fields.count > 16
  }

  /// Bytes that the field takes in the block: none when it is a variable part.
  var blockBytes: Int { isRepeated ? 0 : value.scalarBytes ?? 0 }

  private var isScalar: Bool { blockBytes > 0 }

  var encodeScalar: String? { isScalar ? value.write(name, to: "writer") : nil }

  var decodeScalar: String? {
    guard isScalar else { return nil }
    let read = value.read(from: "reader")
    guard skipsZero else { return "\(name) = \(read)" }
    if value.isBool { return "if \(read) { \(name) = true }" }
    guard value.isInteger else { return "\(name) = \(read)" }
    return "if case let value = \(read), value != 0 { \(name) = value }"
  }

  var encodePart: String? {
    if isScalar { return nil }
    if isRepeated {
      return "writer.elements(\(name)) { \(value.write("$1", to: "$0")) }"
    }
    guard value.isMessage else { return value.write(name, to: "writer") }
    return "if \(has) { \(value.write(name, to: "writer")) } else { writer.emptyPart() }"
  }

  var decodePart: String? {
    if isScalar { return nil }
    let read = isRepeated ? "try reader.\(value.readElements)" : value.read(from: "reader")
    return "if try reader.hasPart() { \(name) = \(read) }"
  }
}
