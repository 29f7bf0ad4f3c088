import BelfryAPI
import SwiftProtobuf
import Testing

/// A picture and what has changed since give the next picture, whatever changed, in one step or several.
@Suite struct HealthChangesTests {
  private typealias Picture = Belfry_V1_HealthUpdate

  /// Of few names, so that they come, change, go and come back.
  private func picture(_ random: inout SystemRandomNumberGenerator) -> Picture {
    .with { picture in
      picture.whole = true
      picture.verdict = "v\(Int.random(in: 0..<2, using: &random))"
      for index in 0..<6 where Bool.random(using: &random) {
        picture.nodes.append(
          .with { ($0.name, $0.running) = ("n\(index)", .random(in: 0..<3, using: &random)) })
        picture.lanes.append(
          .with { ($0.name, $0.ready) = ("l\(index)", .random(in: 0..<3, using: &random)) })
        picture.alerts.append(
          .with { ($0.rule, $0.subject) = ("lost", "n\(index)") })
      }
      picture.nodes.shuffle(using: &random)
      picture.parts = [
        .with { ($0.name, $0.state) = ("broker", Bool.random(using: &random) ? "up" : "down") }
      ]
    }
  }

  private func content(_ picture: Picture) -> [String] {
    var lines = [picture.verdict]
    lines += picture.nodes.map { "node \($0.name) \($0.running)" }
    lines += picture.lanes.map { "lane \($0.name) \($0.ready)" }
    lines += picture.alerts.map { "alert \($0.rule) \($0.subject)" }
    lines += picture.parts.map { "part \($0.name) \($0.state)" }
    return lines.sorted()
  }

  @Test func changesMakeTheNextPicture() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let pictures = (0..<4).map { _ in picture(&random) }
      var known = pictures[0]
      var all: Picture?
      for (old, new) in zip(pictures, pictures.dropFirst()) {
        guard let change = new.changes(since: old) else {
          #expect(content(old) == content(new))
          continue
        }
        known.apply(change)
        #expect(content(known) == content(new))
        if all == nil { all = change } else { all?.apply(change) }
      }
      var atOnce = pictures[0]
      if let all { atOnce.apply(all) }
      #expect(content(atOnce) == content(pictures[3]), "\(pictures.map(content))")
    }
  }

  @Test func whatIsTheSameIsNoChange() {
    let one = Picture.with {
      $0.nodes = [.with { $0.name = "n1" }, .with { $0.name = "n2" }]
      $0.atMs = 1
    }
    var later = one
    later.atMs = 2
    #expect(later.changes(since: one) == nil)
    later.nodes[1].running = 1
    #expect(later.changes(since: one)?.nodes.map(\.name) == ["n2"])
    later.nodes.removeFirst()
    #expect(later.changes(since: one)?.gone == ["node/n1"])
  }
}
