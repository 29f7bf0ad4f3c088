import NIOCore

@testable import BelfryRPC

/// Bytes of a message in these targets: small, so that the limit is met often.
private let bytesMax = 4_096

func fuzzDeframer(_ input: inout FuzzInput) throws {
  let coding: MessageCoding? = input.bool() ? .gzip : nil
  let cuts = input.chunk()
  let body = input.rest()
  let whole = deframe(body, coding, cuts: [])
  let pieces = deframe(body, coding, cuts: cuts)
  try promise(whole == pieces, "cut by \(cuts) it gives \(pieces), whole \(whole)")
  for message in whole.messages {
    try promise(message.count <= bytesMax, "a message of \(message.count) bytes got through")
  }
}

private struct Deframed: Equatable {
  var messages: [[UInt8]] = []
  var error: RPCStatus?
  var isAtBoundary = true
}

/// The body in pieces of the given sizes, again from the first when they are used up.
private func deframe(_ body: [UInt8], _ coding: MessageCoding?, cuts: [UInt8]) -> Deframed {
  var deframer = MessageDeframer(messageBytesMax: bytesMax, coding: coding)
  var result = Deframed()
  var rest = body[...]
  var index = 0
  while !rest.isEmpty {
    let count = cuts.isEmpty ? rest.count : max(1, Int(cuts[index % cuts.count]))
    index += 1
    var chunk = ByteBuffer(bytes: rest.prefix(count))
    rest = rest.dropFirst(count)
    do throws(RPCStatus) {
      while let message = try deframer.next(from: &chunk) {
        result.messages.append(Array(message.readableBytesView))
      }
    } catch {
      result.error = error
      return result
    }
  }
  result.isAtBoundary = deframer.isAtBoundary
  return result
}

func fuzzGzip(_ input: inout FuzzInput) throws {
  let limit = Int(input.byte()) * 64
  let bytes = input.rest()
  switch unpack(ByteBuffer(bytes: bytes), bytesMax: limit) {
  case .success(let message):
    try promise(message.readableBytes <= limit, "\(message.readableBytes) bytes, \(limit) allowed")
  case .failure(let error):
    try promise([.internal, .resourceExhausted].contains(error.code), "refused with \(error)")
  }
  let message = ByteBuffer(bytes: bytes)
  guard let packed = Gzip.compress(message) else { return }
  try promise(packed.readableBytes < bytes.count, "packed, it is no smaller")
  try promise(
    unpack(packed, bytesMax: bytes.count) == .success(message), "packed and unpacked differ")
  guard case .failure(let error) = unpack(packed, bytesMax: bytes.count - 1) else {
    throw FuzzFinding(description: "a message above the limit got through")
  }
  try promise(error.code == .resourceExhausted, "refused with \(error)")
}

private func unpack(_ packed: ByteBuffer, bytesMax: Int) -> Result<ByteBuffer, RPCStatus> {
  Result { () throws(RPCStatus) in try Gzip.decompress(packed, bytesMax: bytesMax) }
}
