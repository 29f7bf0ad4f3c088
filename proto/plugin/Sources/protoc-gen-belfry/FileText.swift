import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// One generated file.
struct FileText {
  let file: FileDescriptor
  let imports: [String]

  func text() throws -> String {
    guard file.edition == .proto3 else { throw SchemaError("\(file.name): not proto3") }
    guard file.extensions.isEmpty else { throw SchemaError("\(file.name): has extensions") }
    var printer = CodePrinter(addNewlines: true)
    printer.print(
      "// DO NOT EDIT.",
      "// swift-format-ignore-file",
      "//",
      "// Written from \(file.name) by protoc-gen-belfry: `make generate` writes it anew.",
      "")
    for module in imports.sorted() { printer.print("internal import \(module)") }
    if !file.services.isEmpty { printer.print("package import BelfryRPC") }
    printer.print("package import BelfryWire")
    let namer = SwiftProtobufNamer()
    for message in file.messages { try print(message, namer, &printer) }
    for service in file.services { try ServiceText(service, namer: namer).print(to: &printer) }
    return printer.content
  }

  private func print(
    _ message: Descriptor, _ namer: SwiftProtobufNamer, _ printer: inout CodePrinter
  ) throws {
    guard !message.options.mapEntry else { throw SchemaError("\(message.fullName): a map") }
    try MessageText(message, namer: namer).print(to: &printer)
    for nested in message.messages { try print(nested, namer, &printer) }
  }
}
