import BelfryAPI
import BelfryWire
import Foundation
import SwiftProtobuf
import Testing

/// Every message of the schema through the codec, with random contents.
@Suite struct WireRoundTripTests {
  @Test func theListOfMessagesIsComplete() throws {
    var generated: Set<String> = []
    for folder in ["Sources/BelfryAPI/Generated", "Tests/BelfryAPITests/Generated"] {
      let url = Repository.root.appending(path: folder)
      for file in try FileManager.default.contentsOfDirectory(atPath: url.path)
      where file.hasSuffix(".belfry.swift") {
        let text = try String(contentsOf: url.appending(path: file), encoding: .utf8)
        generated.formUnion(text.matches(of: /extension (\S+): WireMessage/).map { "\($0.1)" })
      }
    }
    #expect(generated == Set(messageTypes.map { "\($0)" }))
  }

  @Test(arguments: messageTypes.indices)
  func whatIsWrittenIsRead(index: Int) throws {
    var different: Set<[UInt8]> = []
    for seed in UInt64(0)..<200 {
      different.insert(try roundTrip(messageTypes[index], seed: seed))
    }
    // The random contents are there: the messages differ, but for those without fields.
    let hasFields = messageTypes[index].init().wireBytes().count > 4
    #expect(different.count > (hasFields ? 30 : 0))
  }

  private func roundTrip<M: TestedMessage>(_: M.Type, seed: UInt64) throws -> [UInt8] {
    let message: M = try RandomFields.message(seed: seed)
    let bytes = message.wireBytes()
    let read = try M(wire: bytes)
    #expect(read == message, "seed \(seed)")
    #expect(read.wireBytes() == bytes, "seed \(seed)")
    return bytes
  }

  /// Cut off anywhere, and changed anywhere: an error or some message, and that one reads back.
  @Test(arguments: messageTypes.indices)
  func damagedMessagesAreRefusedOrRead(index: Int) throws {
    for seed in UInt64(0)..<12 { try damage(messageTypes[index], seed: seed) }
  }

  private func damage<M: TestedMessage>(_: M.Type, seed: UInt64) throws {
    let message: M = try RandomFields.message(seed: seed)
    let bytes = message.wireBytes()
    for count in bytes.indices { try check(M.self, Array(bytes[..<count])) }
    var random = SplitMix(state: seed)
    for _ in 0..<200 {
      var changed = bytes
      for _ in 0...random.pick(3) {
        changed[random.pick(changed.count)] = UInt8(random.pick(256))
      }
      try check(M.self, changed)
    }
  }

  @Test func randomBytesNeverTrap() throws {
    var random = SplitMix(state: 0xB1D)
    for round in 0..<100_000 {
      var bytes: [UInt8] = []
      for _ in 0..<random.pick(24) {
        let small = UInt32(random.pick(random.pick(2) == 0 ? 4 : 60))
        if random.pick(4) == 0 {
          bytes.append(UInt8(random.pick(256)))
        } else {
          bytes += (0..<4).map { UInt8(truncatingIfNeeded: small >> ($0 * 8)) }
        }
      }
      let type = messageTypes[round % messageTypes.count]
      try check(type, bytes)
    }
  }

  private func check<M: TestedMessage>(_: M.Type, _ bytes: [UInt8]) throws {
    let message: M
    do throws(WireError) {
      message = try M(wire: bytes)
    } catch {
      #expect(error.offset <= bytes.count)
      return
    }
    let again = message.wireBytes()
    #expect(try M(wire: again).wireBytes() == again)
  }
}
