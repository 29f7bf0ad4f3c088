package import BelfryRPC
package import BelfryWire
package import SwiftProtobuf

/// What every message of the schema is: swift-protobuf's type with our codec.
package typealias APIMessage = Message & WireMessage

/// A method with one request and one answer. The generated code has a constant for each.
package struct UnaryMethod<Request: APIMessage, Reply: APIMessage>: Sendable {
  package let descriptor: MethodDescriptor

  package init(_ service: String, _ method: String) {
    descriptor = MethodDescriptor(service: service, method: method)
  }
}

/// A method with one request and a stream of answers.
package struct ServerStreamMethod<Request: APIMessage, Reply: APIMessage>: Sendable {
  package let descriptor: MethodDescriptor

  package init(_ service: String, _ method: String) {
    descriptor = MethodDescriptor(service: service, method: method)
  }
}

/// A method with a stream both ways.
package struct BidirectionalMethod<Request: APIMessage, Reply: APIMessage>: Sendable {
  package let descriptor: MethodDescriptor

  package init(_ service: String, _ method: String) {
    descriptor = MethodDescriptor(service: service, method: method)
  }
}
