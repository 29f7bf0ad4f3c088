import BelfryAPI
import BelfryRPC
import BelfryWire
import NIOCore
import SwiftProtobuf

/// The messages that are sent by themselves; all others of the schema stand inside them.
private let messages: [any APIMessage.Type] = [
  Belfry_V1_WorkerMessage.self, Belfry_V1_CoordinatorMessage.self, Belfry_V1_SubmitRequest.self,
  Belfry_V1_SubmitReply.self, Belfry_V1_SubmitManyRequest.self, Belfry_V1_SubmitManyReply.self,
  Belfry_V1_GetRequest.self, Belfry_V1_JobView.self, Belfry_V1_WatchHealthRequest.self,
  Belfry_V1_HealthUpdate.self,
]

func fuzzWire(_ input: inout FuzzInput) throws {
  let type = input.pick(messages)
  try wire(type, input.rest())
}

private func wire<M: APIMessage>(_: M.Type, _ bytes: [UInt8]) throws {
  let message: M
  do throws(WireError) {
    message = try M(wire: bytes)
  } catch {
    return try promise((0...bytes.count).contains(error.offset), "an error outside: \(error)")
  }
  let written = message.wireBytes()
  try promise(try M(wire: written).wireBytes() == written, "written, read and written differ")
  try promise(written.count <= 16 * bytes.count + 4_096, "grew to \(written.count) bytes")
  // By protobuf and back it is the same message.
  let packed: ByteBuffer = MessageEncoding.protobuf.bytes(of: message)
  let back: M = try MessageEncoding.protobuf.message(packed)
  try promise(back.wireBytes() == written, "protobuf has changed the message")
}

func fuzzProtobuf(_ input: inout FuzzInput) throws {
  let type = input.pick(messages)
  try protobuf(type, input.rest())
}

private func protobuf<M: APIMessage>(_: M.Type, _ bytes: [UInt8]) throws {
  let message: M
  do throws(RPCStatus) {
    message = try MessageEncoding.protobuf.message(ByteBuffer(bytes: bytes))
  } catch {
    return try promise(error.code == .invalidArgument, "refused with \(error)")
  }
  let written = MessageEncoding.protobuf.bytes(of: message)
  let again: M = try MessageEncoding.protobuf.message(written)
  try promise(MessageEncoding.protobuf.bytes(of: again) == written, "written twice, it differs")
  // Our codec takes whatever protobuf takes, but for the fields that the schema does not have.
  let ours = message.wireBytes()
  try promise(try M(wire: ours).wireBytes() == ours, "our codec has changed the message")
}
