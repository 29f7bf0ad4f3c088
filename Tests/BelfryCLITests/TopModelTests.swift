import BelfryAPI
import Foundation
import SwiftProtobuf
import Testing

@testable import BelfryCLI

/// Keys as terminals send them, and frames that fit whatever the window is.
@Suite struct TopModelTests {
  @Test(arguments: [
    ([0x71], [TopKey.character("q")]), ([0x03], [.interrupt]), ([0x1A], [.suspend]),
    ([0x0D, 0x09, 0x7F], [.enter, .tab, .backspace]), ([0x1B], [.escape]),
    ([0x1B, 0x5B, 0x41, 0x1B, 0x4F, 0x42], [.up, .down]),
    ([0x1B, 0x5B, 0x35, 0x7E, 0x1B, 0x5B, 0x36, 0x7E], [.pageUp, .pageDown]),
    ([0x1B, 0x5B, 0x31, 0x3B, 0x35, 0x43], []),
    (Array("é写".utf8), [.character("é"), .character("写")]),
    ([0x00, 0x01, 0xFF, 0xFE, 0x80], []),
  ])
  func keys(_ bytes: [UInt8], _ keys: [TopKey]) {
    var rest = bytes
    #expect(TopKey.take(from: &rest) == keys)
  }

  @Test func aCutCharacterWaitsForItsRest() {
    var bytes: [UInt8] = [0x61, 0xE5, 0x86]
    #expect(TopKey.take(from: &bytes) == [.character("a")])
    bytes.append(0x99)
    #expect(TopKey.take(from: &bytes) == [.character("写")])
    #expect(bytes.isEmpty)
  }

  /// No bytes make it trap or loop.
  @Test func anyBytesAreRead() {
    var state: UInt64 = 42
    for _ in 0..<2_000 {
      var bytes = (0..<8).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
      }
      _ = TopKey.take(from: &bytes)
      #expect(bytes.count < 4 || bytes.first == 0x1B)
    }
  }

  @Test(arguments: [(20, 3), (44, 10), (59, 24), (80, 24), (200, 60)], [false, true])
  func framesFit(_ size: (width: Int, height: Int), isHelp: Bool) {
    var model = TopModel()
    if isHelp { _ = model.pressed(.character("?")) }
    for pane in TopModel.Pane.allCases {
      #expect(model.pane == pane)
      let lines = model.frame(width: size.width, height: size.height)
      #expect(lines.count == size.height)
      #expect(lines.allSatisfy { DisplayWidth.of($0) <= size.width }, "\(lines)")
      _ = model.pressed(.tab)
    }
  }

  @Test func ratesGoDownWhenThereIsNoNews() {
    var model = TopModel()
    func rates() -> String { model.frame(width: 100, height: 10)[1] }
    var update = Belfry_V1_HealthUpdate()
    update.whole = true
    update.lanes = [.with { $0.name = "a" }]
    model.updated(update, nowMs: 1_000)
    #expect(rates().hasPrefix("done -/s"))
    update.lanes = [
      .with {
        $0.name = "a"; $0.finished = 50; $0.failed = 5
      }
    ]
    model.updated(update, nowMs: 3_000)
    #expect(rates().hasPrefix("done 25.0/s  failed 2.5/s"), "\(rates())")
    for second in 4...9 { model.passed(nowMs: Int64(second) * 1_000) }
    #expect(rates().hasPrefix("done 0.0/s"), "\(rates())")
    update.lanes = [
      .with {
        $0.name = "a"; $0.finished = 1
      }
    ]
    model.updated(update, nowMs: 10_000)
    #expect(rates().hasPrefix("done -/s"), "another coordinator counts from elsewhere")
  }

  @Test func typingIsNoCommand() {
    var model = TopModel()
    for key in "/qps".map(TopKey.character) { #expect(model.pressed(key) == .none) }
    #expect(model.filter == "qps" && model.isTyping)
    _ = model.pressed(.backspace)
    _ = model.pressed(.enter)
    #expect(model.filter == "qp" && !model.isTyping)
    #expect(model.pressed(.character("q")) == .quit)
  }

  private func model(at pane: TopModel.Pane) -> TopModel {
    var model = TopModel()
    var update = Belfry_V1_HealthUpdate()
    update.whole = true
    update.lanes = [.with { $0.name = "reports" }]
    update.nodes = [.with { $0.name = "w1" }]
    model.updated(update, nowMs: 0)
    model.dead = [.with { $0.id = "j1" }]
    while model.pane != pane { _ = model.pressed(.tab) }
    return model
  }

  @Test(arguments: [
    (TopModel.Pane.lanes, Character("c"), TopOrder.Deed.pauseLane, "pause lane reports?"),
    (.nodes, "c", .cordonNode, "give worker w1 no new jobs?"),
    (.nodes, "r", .uncordonNode, "give worker w1 jobs again?"),
    (.lanes, "r", .resumeLane, "let lane reports go on?"),
    (.dead, "r", .retryJob, "submit job j1 anew?"),
  ])
  func onlyAYesDoesIt(
    _ pane: TopModel.Pane, _ key: Character, _ deed: TopOrder.Deed, _ question: String
  ) {
    var model = model(at: pane)
    #expect(model.pressed(.character(key)) == .none)
    #expect(model.frame(width: 100, height: 10).last?.hasPrefix(question) == true)
    let order = TopOrder(key, pane, ["w1", "reports", "j1"][pane.rawValue])
    #expect(order?.deed == deed)
    #expect(model.pressed(.character("y")) == order.map { TopModel.Action.perform($0) })
    for other in [TopKey.escape, .enter, .character("n"), .character("q"), .suspend] {
      _ = model.pressed(.character(key))
      #expect(model.pressed(other) == .none, "\(other)")
      #expect(model.asked == nil && model.said == "nothing was done")
    }
    _ = model.pressed(.character(key))
    #expect(model.pressed(.interrupt) == .quit)
  }

  @Test func whereThereIsNothingToDoNothingIsAsked() {
    for (pane, key) in [(TopModel.Pane.alerts, "c"), (.dead, "c"), (.alerts, "r")] {
      var model = model(at: pane)
      #expect(model.pressed(.character(Character(key))) == .none)
      #expect(model.asked == nil && model.said == TopOrder.keys)
    }
  }
}
