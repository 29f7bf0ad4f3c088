import BelfryAPI
import BelfryWire
import Foundation
import SwiftProtobuf
import Testing

/// Old and new programs with each other, and the generated code's limits.
@Suite struct WireGrowthTests {
  @Test func anOlderProgramReadsANewerOnesMessage() throws {
    let newer = Belfry_Shapes_Newer.with {
      $0.first = 1
      $0.name = "n"
      $0.leaf.name = "l"
      $0.second = 2
      $0.more = "m"
      $0.leaves = [Belfry_Shapes_Leaf()]
    }
    let read = try Belfry_Shapes_Older(wire: newer.wireBytes())
    // The member of the oneof that it does not know is none.
    #expect(read.choice == nil)
    #expect(read == .with { ($0.first, $0.name) = (1, "n") })
  }

  @Test func aNewerProgramReadsAnOlderOnesMessage() throws {
    let older = Belfry_Shapes_Older.with { ($0.first, $0.name, $0.number) = (1, "n", 77) }
    let read = try Belfry_Shapes_Newer(wire: older.wireBytes())
    #expect(read == .with { ($0.first, $0.name, $0.number) = (1, "n", 77) })
  }

  @Test func aNumberThatAnEnumDoesNotKnowIsKept() throws {
    let message = Belfry_Shapes_Everything.with {
      $0.colour = .UNRECOGNIZED(1_000)
      $0.colours = [.UNRECOGNIZED(-7), .red]
      $0.paint = .UNRECOGNIZED(-1_000)
    }
    let read = try Belfry_Shapes_Everything(wire: message.wireBytes())
    #expect(read == message)
    #expect(read.colour.rawValue == 1_000)
  }

  @Test func aMessageThatIsSetIsNotLostWhenItIsEmpty() throws {
    var message = Belfry_Shapes_Everything()
    #expect(try Belfry_Shapes_Everything(wire: message.wireBytes()).hasLeaf == false)
    message.leaf = Belfry_Shapes_Leaf()
    message.branch = Belfry_Shapes_Leaf()
    let read = try Belfry_Shapes_Everything(wire: message.wireBytes())
    #expect(read.hasLeaf)
    #expect(read.choice == .branch(Belfry_Shapes_Leaf()))
  }

  @Test func aScalarInAOneofIsSetWhenItIsZero() throws {
    for choice: Belfry_Shapes_Everything.OneOf_Choice in [
      .number(0), .yes(false), .paint(.none), .word(""), .raw(Data()), .amount(0),
    ] {
      let message = Belfry_Shapes_Everything.with { $0.choice = choice }
      #expect(try Belfry_Shapes_Everything(wire: message.wireBytes()).choice == choice)
    }
  }

  @Test func aScalarInAOneofHasItsWidthAndNoMore() throws {
    // `Older` with its number's part one byte short, and one byte long.
    let good = Belfry_Shapes_Older.with { $0.number = 77 }.wireBytes()
    let start = good.count - 8
    let short = Array(good[..<start]) + [3, 0, 0, 0, 77, 0, 0]
    #expect(throws: WireError(.truncated, at: start + 4)) {
      try Belfry_Shapes_Older(wire: short)
    }
    let long = Array(good[..<start]) + [5, 0, 0, 0, 77, 0, 0, 0, 0]
    #expect(throws: WireError(.trailingBytes, at: start + 8)) {
      try Belfry_Shapes_Older(wire: long)
    }
  }

  enum Way: CaseIterable { case field, list, choice }

  @Test(arguments: Way.allCases) func messagesInsideEachOtherHaveALimit(way: Way) throws {
    func nest(_ levels: Int) -> [UInt8] {
      var nest = Belfry_Shapes_Nest()
      for level in 1..<levels {
        let inner = nest
        nest = .with { outer in
          outer.level = UInt32(level)
          switch way {
          case .field: outer.inner = inner
          case .list: outer.all = [inner]
          case .choice: outer.chosen = inner
          }
        }
      }
      return nest.wireBytes()
    }
    #expect(try Belfry_Shapes_Nest(wire: nest(32)).level == 31)
    let error = #expect(throws: WireError.self) { try Belfry_Shapes_Nest(wire: nest(33)) }
    #expect(error?.reason == .tooDeep)
  }
}
