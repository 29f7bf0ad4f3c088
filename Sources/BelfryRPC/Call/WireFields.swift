internal import BelfryNet

/// Header lists that are the same for every call, and those made for one.
enum WireFields {
  /// Status 200 and the content-type, by encoding.
  static let belfryResponse = response(.belfry)
  static let protobufResponse = response(.protobuf)
  static let belfryPackedResponse = response(.belfry, coding: .gzip)
  static let protobufPackedResponse = response(.protobuf, coding: .gzip)
  static let okTrailers = HTTP2FieldBlock([("grpc-status", "0")], permanent: true)

  private static func responseHeaders(
    _ encoding: MessageEncoding, _ coding: MessageCoding?
  ) -> HTTP2FieldBlock {
    switch (encoding, coding) {
    case (.belfry, nil): belfryResponse
    case (.protobuf, nil): protobufResponse
    case (.belfry, .gzip): belfryPackedResponse
    case (.protobuf, .gzip): protobufPackedResponse
    }
  }

  static func responseHeaders(
    _ encoding: MessageEncoding, coding: MessageCoding?, metadata: Metadata
  ) -> HTTP2FieldBlock {
    if metadata.isEmpty { return responseHeaders(encoding, coding) }
    return HTTP2FieldBlock(responseFields(encoding, coding) + metadata.fields)
  }

  static func trailers(_ status: RPCStatus, metadata: Metadata) -> HTTP2FieldBlock {
    if status.isOK, status.message.isEmpty, metadata.isEmpty, status.metadata.isEmpty {
      return okTrailers
    }
    return HTTP2FieldBlock(statusFields(status) + metadata.fields)
  }

  /// One header list that is the whole answer.
  static func trailersOnly(
    _ encoding: MessageEncoding, _ status: RPCStatus, metadata: Metadata
  ) -> HTTP2FieldBlock {
    HTTP2FieldBlock(
      [(":status", "200"), ("content-type", encoding.contentType)] + statusFields(status)
        + metadata.fields)
  }

  /// An answer for what is not gRPC.
  static func http(_ status: Int) -> HTTP2FieldBlock {
    HTTP2FieldBlock([(":status", "\(status)")])
  }

  private static func response(
    _ encoding: MessageEncoding, coding: MessageCoding? = nil
  ) -> HTTP2FieldBlock {
    HTTP2FieldBlock(responseFields(encoding, coding), permanent: true)
  }

  private static func responseFields(
    _ encoding: MessageEncoding, _ coding: MessageCoding?
  ) -> [(name: String, value: String)] {
    var fields = [
      (name: ":status", value: "200"), (name: "content-type", value: encoding.contentType),
      (name: "grpc-accept-encoding", value: MessageCoding.accepted),
    ]
    if let coding { fields.append((name: "grpc-encoding", value: coding.rawValue)) }
    return fields
  }

  private static func statusFields(_ status: RPCStatus) -> [(name: String, value: String)] {
    var fields = [(name: "grpc-status", value: "\(status.code.rawValue)")]
    if !status.message.isEmpty {
      // Bounded, so that one long sentence does not break the peer's header list limit.
      let message = String(status.message.prefix(2_048))
      fields.append((name: "grpc-message", value: PercentEncoding.encode(message)))
    }
    return fields + status.metadata.fields
  }
}
