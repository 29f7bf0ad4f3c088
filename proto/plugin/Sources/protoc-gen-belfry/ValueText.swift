import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// How one value of a field's type is written and read.
struct ValueText {
  let swiftType: String
  /// Bytes in the block; nil for what has no fixed width.
  let scalarBytes: Int?
  let isMessage: Bool
  private let isEnum: Bool
  /// Name of the call, the same on writer and reader.
  private let call: String

  init(_ field: FieldDescriptor, namer: SwiftProtobufNamer) throws {
    isMessage = field.type == .message
    isEnum = field.type == .enum
    switch field.type {
    case .bool: (swiftType, call, scalarBytes) = ("Bool", "bool", 1)
    case .int32, .sint32, .sfixed32: (swiftType, call, scalarBytes) = ("Int32", "int32", 4)
    case .uint32, .fixed32: (swiftType, call, scalarBytes) = ("UInt32", "uint32", 4)
    case .int64, .sint64, .sfixed64: (swiftType, call, scalarBytes) = ("Int64", "int64", 8)
    case .uint64, .fixed64: (swiftType, call, scalarBytes) = ("UInt64", "uint64", 8)
    case .float: (swiftType, call, scalarBytes) = ("Float", "float", 4)
    case .double: (swiftType, call, scalarBytes) = ("Double", "double", 8)
    case .string: (swiftType, call, scalarBytes) = ("String", "string", nil)
    case .bytes: (swiftType, call, scalarBytes) = ("Data", "data", nil)
    case .enum:
      (swiftType, call, scalarBytes) = (namer.fullName(enum: field.enumType), "int32", 4)
    case .message:
      (swiftType, call, scalarBytes) = (namer.fullName(message: field.messageType), "message", nil)
    case .group: throw SchemaError("\(field.fullName): a group")
    }
  }

  func write(_ value: String, to writer: String) -> String {
    let plain = isEnum ? "Int32(truncatingIfNeeded: \(value).rawValue)" : value
    return "\(writer).\(call)(\(plain))"
  }

  /// An expression for the value.
  func read(from reader: String) -> String {
    guard isEnum else { return "try \(reader).\(call)()" }
    return "\(swiftType)(rawValue: Int(try \(reader).int32())) ?? \(swiftType)()"
  }

  /// Whether a zero can be told by comparing with 0: not for -0.0, and not for an enum.
  var isInteger: Bool { scalarBytes != nil && swiftType.contains("Int") && !isEnum }
  var isBool: Bool { swiftType == "Bool" }

  /// The reader's call for a repeated field of this type.
  var readElements: String {
    if isMessage { return "messages()" }
    if call == "string" { return "strings()" }
    if call == "data" { return "datas()" }
    return "elements(ofAtLeast: \(scalarBytes ?? 4)) \(closure)"
  }

  /// The reader's call for a member of a oneof of this type.
  var readMember: String {
    if isMessage { return "try reader.message()" }
    guard scalarBytes != nil else { return "try reader.\(call)()" }
    return "try reader.scalar \(closure)"
  }

  private var closure: String {
    "{ (reader: inout WireReader) throws(WireError) -> \(swiftType) in \(read(from: "reader")) }"
  }
}
