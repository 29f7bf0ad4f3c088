internal import BelfryAPI
internal import BelfryWire
internal import Foundation
internal import SwiftProtobuf

/// Our codec beside swift-protobuf's, on the same values of the same types, in this process.
///
/// Assign has 5 fields set, Finished a recorded outcome of 5, with 256 B of payload each. Both codecs
/// write into an array of their own and read from one. Printed: nanoseconds, the median of some rounds
/// in which the two take turns.
enum CodecBench {
  static func run(rounds: Int) throws {
    let payload = Data((0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    let job = "0198c3f2-6a1e-7c44-9b1d-3f5a2e8c7d10"
    let assignment = "0198c3f26a1e7c449b1d3f5a2e8c7d10-4711"
    var assign = Belfry_V1_Assign()
    assign.job = job
    assign.assignment = assignment
    assign.attempt = 1
    assign.kind = "thumbnail"
    assign.payload = payload
    try measure("assign", assign, rounds)
    var outcome = Belfry_V1_Outcome()
    outcome.id = job
    outcome.state = "succeeded"
    outcome.attempt = 1
    outcome.worker = "worker-17"
    outcome.result = payload
    var finished = Belfry_V1_Finished()
    finished.job = job
    finished.assignment = assignment
    finished.recorded = outcome
    try measure("finished", finished, rounds)
  }

  private static func measure<M: Message & WireMessage & Equatable>(
    _ name: String, _ message: M, _ rounds: Int
  ) throws {
    let (ours, theirs): ([UInt8], [UInt8]) = (
      message.wireBytes(), try message.serializedBytes()
    )
    guard try M(wire: ours) == message, try M(serializedBytes: theirs) == message else {
      throw Bench.Failure(description: "\(name) is not the same after encoding and decoding")
    }
    var times: [String: [Double]] = [:]
    for _ in 0..<rounds {
      times["belfry_encode", default: []].append(time { message.wireBytes().count })
      times["protobuf_encode", default: []].append(
        try time { (try message.serializedBytes() as [UInt8]).count })
      times["belfry_decode", default: []].append(try time { sink(try M(wire: ours)) })
      times["protobuf_decode", default: []].append(
        try time { sink(try M(serializedBytes: theirs)) })
    }
    for (what, values) in times.sorted(by: { $0.key < $1.key }) {
      print("\(name)_\(what) \(values.sorted()[values.count / 2])")
    }
  }

  /// Keeps a decoded message from being optimised away.
  @inline(never) @_optimize(none)
  private static func sink(_ message: some Message) -> Int { 1 }

  private static func time(_ work: () throws -> Int) rethrows -> Double {
    let count = 20_000
    var sum = 0
    let began = ContinuousClock.now
    for _ in 0..<count { sum &+= try work() }
    let nanoseconds = (ContinuousClock.now - began) / .nanoseconds(1)
    precondition(sum >= 0, "nothing was done")
    return nanoseconds / Double(count)
  }
}
