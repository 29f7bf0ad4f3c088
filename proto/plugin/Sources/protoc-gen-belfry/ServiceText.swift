import SwiftProtobufPluginLibrary

/// The typed names of a service's methods, and a client with a function for each. What they share
/// is written by hand in Sources/BelfryAPI/Typed.
struct ServiceText {
  private enum Shape: String {
    case unary = "UnaryMethod"
    case serverStream = "ServerStreamMethod"
    case bidirectional = "BidirectionalMethod"
  }

  private struct Method {
    let name: String
    let swiftName: String
    let shape: Shape
    let request: String
    let reply: String
    let comments: String
  }

  private let name: String
  private let fullName: String
  private let methods: [Method]

  init(_ service: ServiceDescriptor, namer: SwiftProtobufNamer) throws {
    name = service.name
    fullName = service.fullName
    methods = try service.methods.map { method in
      Method(
        name: method.name, swiftName: Self.swiftName(method.name),
        shape: try Self.shape(method),
        request: namer.fullName(message: method.inputType),
        reply: namer.fullName(message: method.outputType),
        comments: method.protoSourceComments(commentPrefix: "///"))
    }
  }

  private static func shape(_ method: MethodDescriptor) throws -> Shape {
    switch (method.clientStreaming, method.serverStreaming) {
    case (false, false): return .unary
    case (false, true): return .serverStream
    case (true, true): return .bidirectional
    case (true, false):
      throw SchemaError("\(method.fullName): a stream of requests with one answer: no type for it")
    }
  }

  /// `SubmitMany` becomes `submitMany`; a name that Swift reserves stands in back-ticks.
  private static func swiftName(_ name: String) -> String {
    let lower = name.prefix(1).lowercased() + name.dropFirst()
    return ["await", "async", "init", "import", "self", "repeat", "return"].contains(lower)
      ? "`\(lower)`" : lower
  }

  func print(to printer: inout CodePrinter) {
    printer.print("", "/// The methods of `\(fullName)`.", "package enum \(name)Service {")
    printer.withIndentation { printer in
      for method in methods {
        printComments(of: method, to: &printer)
        printer.print(
          "package static let \(method.swiftName) = \(method.shape.rawValue)<\(method.request), \(method.reply)>(",
          "  \"\(fullName)\", \"\(method.name)\")")
      }
      let all = methods.map { "\($0.swiftName).descriptor" }.joined(separator: ", ")
      printer.print("", "package static let methods: [MethodDescriptor] = [\(all)]")
    }
    printer.print("}", "", "/// Calls `\(fullName)`.", "package struct \(name)Client: Sendable {")
    printer.withIndentation { printer in
      printer.print(
        "package let client: RPCClient", "",
        "package init(_ client: RPCClient) { self.client = client }")
      for method in methods {
        printer.print("")
        printComments(of: method, to: &printer)
        printCall(of: method, to: &printer)
      }
    }
    printer.print("}")
  }

  private func printComments(of method: Method, to printer: inout CodePrinter) {
    for line in method.comments.split(separator: "\n") {
      printer.print(line.hasSuffix(" ") ? String(line.dropLast()) : String(line))
    }
  }

  private func printCall(of method: Method, to printer: inout CodePrinter) {
    let options = "options: RPCCallOptions = RPCCallOptions()"
    let request = "_ request: \(method.request)"
    let constant = "\(name)Service.\(method.swiftName)"
    switch method.shape {
    case .unary:
      printer.print(
        "package func \(method.swiftName)(\(request), \(options)) async throws(RPCStatus) -> \(method.reply) {",
        "  try await client.unary(\(constant), request, options: options)", "}")
    case .serverStream:
      printer.print(
        "package func \(method.swiftName)(\(request), \(options)) -> TypedReplies<\(method.reply)> {",
        "  client.serverStream(\(constant), request, options: options)", "}")
    case .bidirectional:
      printer.print(
        "@discardableResult",
        "package func \(method.swiftName)(",
        "  \(options),",
        "  handler: @escaping @Sendable (TypedWriter<\(method.request)>) -> any TypedEventHandler<\(method.reply)>",
        ") -> TypedWriter<\(method.request)> {",
        "  client.events(\(constant), options: options, handler: handler)", "}")
    }
  }
}
