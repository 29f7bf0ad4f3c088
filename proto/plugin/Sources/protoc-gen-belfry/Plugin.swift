import SwiftProtobuf
import SwiftProtobufPluginLibrary

/// protoc's plugin for Belfry: reads a schema, writes `NAME.belfry.swift` beside swift-protobuf's
/// `NAME.pb.swift`: the `+belfry` codec of each message (`proto/WIRE.md`) and the stubs of each
/// service.
///
/// Options, by `--belfry_opt`: `Import=Module`, once for each module that the output needs besides
/// BelfryWire.
@main
struct Plugin: CodeGenerator {
  init() {}

  /// None: protoc then refuses `optional` by itself.
  var supportedFeatures: [Google_Protobuf_Compiler_CodeGeneratorResponse.Feature] { [] }
  var supportedEditionRange: ClosedRange<Google_Protobuf_Edition> { .proto3 ... .proto3 }
  var version: String? { "1" }

  static func main() {
    Plugin().main(nil)
  }

  func generate(
    files: [FileDescriptor], parameter: any CodeGeneratorParameter,
    protoCompilerContext: any ProtoCompilerContext, generatorOutputs: any GeneratorOutputs
  ) throws {
    var imports: [String] = []
    for (key, value) in parameter.parsedPairs {
      guard key == "Import", !value.isEmpty else { throw SchemaError("unknown option '\(key)'") }
      imports.append(value)
    }
    for file in files {
      let name = file.name.split(separator: "/").last.map(String.init) ?? file.name
      let base = name.hasSuffix(".proto") ? String(name.dropLast(6)) : name
      let text = try FileText(file: file, imports: imports).text()
      try generatorOutputs.add(fileName: "\(base).belfry.swift", contents: text)
    }
  }
}

/// What the schema asks for and the codec does not have; protoc prints it and fails.
struct SchemaError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
