import NIOCore

@testable import BelfryNet
@testable import BelfryRPC

func fuzzTimeout(_ input: inout FuzzInput) throws {
  let bytes = input.rest()
  guard let time = CallTimeout.parse(bytes) else {
    let isUnit = bytes.last.map { "numSMH".utf8.contains($0) } ?? false
    let digits = bytes.dropLast()
    let isNumber = digits.allSatisfy { (0x30...0x39).contains($0) }
    return try promise(
      !(isUnit && isNumber && (1...8).contains(digits.count)), "a good time-out was refused")
  }
  try promise(time.nanoseconds >= 0, "a negative time-out")
  // A deadline can be computed from it.
  _ = NIODeadline.now() + time
  let text = CallTimeout.format(time)
  guard let again = CallTimeout.parse(Array(text.utf8)) else {
    throw FuzzFinding(description: "\(text) was written and cannot be read")
  }
  try promise(again >= time, "\(text) is shorter than what it was written for")
  try promise(CallTimeout.format(again) == text, "\(text) is written differently again")
}

func fuzzPercent(_ input: inout FuzzInput) throws {
  let bytes = input.rest()
  _ = PercentEncoding.decode(bytes)
  let text = String(decoding: bytes, as: UTF8.self)
  let encoded = PercentEncoding.encode(text)
  try promise(encoded.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "not printable")
  try promise(
    Array(PercentEncoding.decode(Array(encoded.utf8)).utf8) == Array(text.utf8),
    "encoded and decoded differ")
}

func fuzzMetadata(_ input: inout FuzzInput) throws {
  var fields: [(name: String, value: String)] = []
  while !input.isEmpty, fields.count < 64 {
    let name = input.text()
    fields.append((name, input.text()))
  }
  let block = HTTP2HeaderBlock(fields)
  _ = ServerRequest.read(block, encodings: MessageEncoding.allCases)
  let trailers = ClientTrailers(block)
  _ = (trailers.finalStatus, trailers.isGRPCAnswer)

  let received = Metadata(block)
  for entry in received.entries { try check(entry) }
  try promise(Metadata(HTTP2HeaderBlock(received.fields)) == received, "sent on, it differs")

  var added = Metadata()
  for (name, value) in fields {
    added.add(name, value)
    added.add(name, bytes: Array(value.utf8))
    let text = Base64.encode(Array(value.utf8))
    try promise(Base64.decode(Array(text.utf8)) == Array(value.utf8), "Base64 differs")
  }
  for (_, value) in added.fields {
    try promise(
      value.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "an unprintable value is sent")
  }
  for entry in added.entries { try check(entry) }
  try promise(Metadata(HTTP2HeaderBlock(added.fields)) == added, "added and sent, it differs")
}

/// No peer and no caller can name what belongs to the protocol.
private func check(_ entry: Metadata.Entry) throws {
  let isReserved =
    entry.name.hasPrefix("grpc-") || entry.name.hasPrefix(":")
    || ["", "te", "content-type", "user-agent"].contains(entry.name)
  let isPlain = entry.name.utf8.allSatisfy { byte in
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "_.-".utf8.contains(byte)
  }
  try promise(!isReserved && isPlain, "the name \(entry.name) got through")
  if case .bytes = entry.value {
    try promise(entry.name.hasSuffix("-bin"), "bytes under \(entry.name)")
  } else {
    try promise(!entry.name.hasSuffix("-bin"), "text under \(entry.name)")
  }
}
