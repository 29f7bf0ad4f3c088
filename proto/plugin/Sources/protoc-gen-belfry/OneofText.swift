import SwiftProtobufPluginLibrary

/// The lines that write and read one oneof.
struct OneofText {
  private struct Member {
    let number: Int32
    /// With its dot: `.hello`.
    let swiftCase: String
    let value: ValueText
  }

  private let property: String
  private let number: String
  private let members: [Member]

  init(_ oneof: OneofDescriptor, namer: SwiftProtobufNamer) throws {
    let name = namer.messagePropertyName(oneof: oneof).name
    self.property = "self.\(name)"
    self.number = name.filter { $0 != "`" } + "Member"
    self.members = try oneof.fields.sorted { $0.number < $1.number }.map { field in
      let names = namer.messagePropertyNames(
        field: field, prefixed: ".", includeHasAndClear: false)
      return Member(
        number: field.number, swiftCase: names.prefixed,
        value: try ValueText(field, namer: namer))
    }
  }

  func printEncodeNumber(to printer: inout CodePrinter) {
    printer.print("switch \(property) {", "case nil: writer.uint32(0)")
    for member in members {
      printer.print("case \(member.swiftCase): writer.uint32(\(member.number))")
    }
    printer.print("}")
  }

  func printEncodePart(to printer: inout CodePrinter) {
    printer.print("switch \(property) {", "case nil: writer.emptyPart()")
    for member in members {
      let write = member.value.write("value", to: "writer")
      let length = member.value.scalarBytes.map { "writer.uint32(\($0)); " } ?? ""
      printer.print("case \(member.swiftCase)(let value): \(length)\(write)")
    }
    printer.print("}")
  }

  var decodeNumber: String { "let \(number) = try reader.uint32()" }

  /// A member that is not known here is skipped: the oneof is then without one.
  func printDecodePart(to printer: inout CodePrinter) {
    printer.print("switch \(number) {")
    for member in members {
      printer.print(
        "case \(member.number): \(property) = \(member.swiftCase)(\(member.value.readMember))")
    }
    printer.print("default: try reader.skipPart()", "}")
  }
}
