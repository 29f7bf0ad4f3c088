package import BelfryRPC
internal import Foundation
internal import SwiftProtobuf

/// `grpc.reflection.v1.ServerReflection`: the schema, for tools such as grpcurl that have no copy of
/// it. It lists all services of the schema.
///
/// The protocol's older name, `v1alpha`, has the same messages and is served by the same code; it
/// is not listed, since the schema has no file for it.
package struct ServerReflection: Sendable {
  private typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

  private struct Symbol {
    let file: String
    let isMessage: Bool
  }

  private var services: [String] = []
  /// A `google.protobuf.FileDescriptorProto` each, by the file's name.
  private var files: [String: Data] = [:]
  private var symbols: [String: Symbol] = [:]

  /// Adds the service, under both names, to a router.
  package static func register(in router: inout RPCRouter) {
    let reflection = ServerReflection()
    for version in ["v1", "v1alpha"] {
      let service = "grpc.reflection.\(version).ServerReflection"
      router.standardDialogue(.init(service: service, method: "ServerReflectionInfo")) {
        (request: Request) -> Response in reflection.answer(to: request)
      }
    }
  }

  // MARK: answers

  private func answer(to request: Request) -> Response {
    var response = Response()
    response.validHost = request.host
    response.originalRequest = request
    response.messageResponse =
      switch request.messageRequest {
      case .listServices:
        .listServicesResponse(
          .with { $0.service = services.map { name in .with { $0.name = name } } })
      case .fileByFilename(let name): file(name, asked: name)
      case .fileContainingSymbol(let symbol): file(symbols[symbol]?.file, asked: symbol)
      case .allExtensionNumbersOfType(let type):
        symbols[type]?.isMessage == true
          ? .allExtensionNumbersResponse(.with { $0.baseTypeName = type }) : notFound(type)
      case .fileContainingExtension(let wanted):
        notFound("extension \(wanted.extensionNumber) of \(wanted.containingType)")
      case nil: error(.invalidArgument, "the request asks for nothing that is known here")
      }
    return response
  }

  private func file(_ name: String?, asked: String) -> Response.OneOf_MessageResponse {
    guard let name, let file = files[name] else { return notFound(asked) }
    return .fileDescriptorResponse(.with { $0.fileDescriptorProto = [file] })
  }

  private func notFound(_ what: String) -> Response.OneOf_MessageResponse {
    error(.notFound, "not in the schema: \(what.prefix(256))")
  }

  private func error(
    _ code: RPCStatus.Code, _ message: String
  ) -> Response.OneOf_MessageResponse {
    .errorResponse(
      .with {
        $0.errorCode = Int32(code.rawValue)
        $0.errorMessage = message
      })
  }

  // MARK: the schema

  private init() {
    do {
      let set = try Google_Protobuf_FileDescriptorSet(
        serializedBytes: Data(base64Encoded: Schema.descriptors) ?? Data())
      for file in set.file { try add(file) }
      services.sort()
    } catch {
      preconditionFailure("Schema.descriptors: generated wrongly: \(error)")
    }
  }

  private mutating func add(_ file: Google_Protobuf_FileDescriptorProto) throws {
    files[file.name] = try file.serializedData()
    for message in file.messageType { add(message, within: file.package, of: file.name) }
    add(file.enumType, within: file.package, of: file.name)
    for service in file.service {
      let name = "\(file.package).\(service.name)"
      services.append(name)
      symbols[name] = Symbol(file: file.name, isMessage: false)
      for method in service.method {
        symbols["\(name).\(method.name)"] = Symbol(file: file.name, isMessage: false)
      }
    }
  }

  private mutating func add(
    _ message: Google_Protobuf_DescriptorProto, within scope: String, of file: String
  ) {
    let name = "\(scope).\(message.name)"
    symbols[name] = Symbol(file: file, isMessage: true)
    for nested in message.nestedType { add(nested, within: name, of: file) }
    add(message.enumType, within: name, of: file)
  }

  private mutating func add(
    _ types: [Google_Protobuf_EnumDescriptorProto], within scope: String, of file: String
  ) {
    for type in types { symbols["\(scope).\(type.name)"] = Symbol(file: file, isMessage: false) }
  }
}
