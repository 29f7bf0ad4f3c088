import BelfryAPI
import BelfryWire
import Foundation
import SwiftProtobuf
import Testing

/// The examples of `proto/WIRE.md`, byte for byte.
@Suite struct WireGoldenTests {
  static let messages: [String: any TestedMessage] = [
    "label": Belfry_V1_Label.with {
      $0.key = "gpu"
      $0.value = "a100"
    },
    "heartbeat": Belfry_V1_Heartbeat.with {
      $0.sequence = 7
      $0.echo = 6
      $0.running = 3
      $0.heldMs = 12
    },
    "drain": Belfry_V1_CoordinatorMessage.with { $0.drain = Belfry_V1_Drain() },
    "no-message": Belfry_V1_CoordinatorMessage(),
    "no-job": Belfry_V1_SubmitRequest(),
    "failed": Belfry_V1_Finished.with {
      $0.job = "j"
      $0.assignment = "b0-1"
      $0.failed.neverAgain = true
      $0.failed.finishedAtMs = 5
      $0.failed.code = "E"
    },
    "everything": Belfry_Shapes_Everything.with {
      $0.flag = true
      $0.small = -2
      $0.large = -3
      $0.count = 4
      $0.total = .max
      $0.ratio = 1.5
      $0.precise = -0.25
      $0.colour = .belowZero
      $0.flags = [true, false]
      $0.smalls = [-1]
      $0.precises = [1]
      $0.colours = [.red]
      $0.blobs = [Data(), Data([7])]
      $0.number = 77
      $0.after = 9
    },
    "older": Belfry_Shapes_Older.with {
      $0.first = 1
      $0.name = "n"
      $0.number = 77
    },
    "newer": Belfry_Shapes_Newer.with {
      $0.first = 1
      $0.name = "n"
      $0.leaf.name = "l"
      $0.second = 2
      $0.more = "m"
      $0.leaves = [Belfry_Shapes_Leaf()]
    },
  ]

  /// The fenced examples of the specification: name and bytes.
  static func examples() throws -> [String: [UInt8]] {
    var examples: [String: [UInt8]] = [:]
    var name: String?
    for line in try Repository.text("proto/WIRE.md").split(separator: "\n") {
      if line.hasPrefix("```golden ") {
        name = String(line.dropFirst("```golden ".count))
      } else if line.hasPrefix("```") {
        name = nil
      } else if let name {
        let hex = line.prefix { $0 != ";" }.split(separator: " ")
        examples[name, default: []] += hex.compactMap { UInt8($0, radix: 16) }
      }
    }
    return examples
  }

  @Test func theSpecificationHasTheseExamples() throws {
    #expect(try Set(Self.examples().keys) == Set(Self.messages.keys))
  }

  @Test(arguments: messages.keys.sorted())
  func isWrittenAndReadAsSpecified(name: String) throws {
    let bytes = try #require(Self.examples()[name])
    let message = try #require(Self.messages[name])
    try check(message, bytes)
  }

  private func check<M: TestedMessage>(_ message: M, _ bytes: [UInt8]) throws {
    #expect(message.wireBytes() == bytes)
    #expect(try M(wire: bytes) == message)
  }
}
