import BelfryAPI
import SwiftProtobuf
import Synchronization
import Testing

@testable import BelfryCoordinator

/// One picture for all watchers, and for each what it has not seen.
@Suite(.timeLimit(.minutes(1)))
struct HealthFeedTests {
  /// A cluster of lanes with a number each, and a feed of it.
  private final class Scene: Sendable {
    let feed = HealthFeed(source: "here", pause: .zero)
    private let lanes = Mutex<[String: UInt64]>([:])
    private let looks = Atomic(0)

    var looked: Int { looks.load(ordering: .relaxed) }

    func set(_ name: String, _ number: UInt64) {
      lanes.withLock { $0[name] = number }
      feed.changed()
    }

    func picture() -> Belfry_V1_HealthUpdate {
      looks.add(1, ordering: .relaxed)
      return .with { picture in
        picture.whole = true
        picture.lanes = lanes.withLock { lanes in
          lanes.sorted { $0.key < $1.key }.map { lane in
            .with { ($0.name, $0.ready) = (lane.key, lane.value) }
          }
        }
      }
    }
  }

  private func withScene(_ body: (Scene) async throws -> Void) async throws {
    let scene = Scene()
    scene.set("a", 1)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await scene.feed.run { scene.picture() } }
      try await body(scene)
      tasks.cancelAll()
    }
  }

  /// The first news that such a watcher gets. Its watch is over then.
  private func news(
    _ scene: Scene, since cursor: UInt64 = 0, of source: String = ""
  ) async -> Belfry_V1_HealthUpdate? {
    for await _ in scene.feed.signals() {
      if let news = scene.feed.news(since: cursor, of: source) { return news }
    }
    return nil
  }

  private func lanes(_ update: Belfry_V1_HealthUpdate?) -> [String] {
    (update?.lanes ?? []).map { "\($0.name)=\($0.ready)" }
  }

  @Test func firstTheWholeThenEachChange() async throws {
    try await withScene { scene in
      var seen = Belfry_V1_HealthUpdate()
      var told = 0
      for await _ in scene.feed.signals() {
        guard let news = scene.feed.news(since: seen.cursor, of: seen.source) else { continue }
        #expect(news.whole == (told == 0) && news.cursor == seen.cursor + 1)
        #expect(lanes(news) == (told == 0 ? ["a=1"] : ["b=\(told)"]))
        seen = news
        told += 1
        if told == 4 { break }
        scene.set("b", UInt64(told))
      }
      #expect(told == 4)
    }
  }

  @Test("one that comes back is told what it missed, as one change")
  func comesBack() async throws {
    try await withScene { scene in
      let first = try #require(await news(scene))
      let other = scene.feed.signals()
      for (name, number) in [("b", 1), ("c", 1), ("b", 2)] as [(String, UInt64)] {
        scene.set(name, number)
        for await _ in other
        where lanes(scene.feed.news(since: 0, of: "")).contains("\(name)=\(number)") {
          break
        }
      }
      defer { withExtendedLifetime(other) {} }
      let missed = try #require(
        scene.feed.news(since: first.cursor, of: first.source), "it is in what was kept")
      #expect(!missed.whole && lanes(missed) == ["b=2", "c=1"])
      #expect(missed.cursor == first.cursor + 3)
      #expect(scene.feed.news(since: missed.cursor, of: "here") == nil, "it knows all")
      for (cursor, source) in [(first.cursor, "there"), (99, "here"), (0, "")] as [(UInt64, String)]
      {
        let whole = scene.feed.news(since: cursor, of: source)
        #expect(whole?.whole == true && lanes(whole) == ["a=1", "b=2", "c=1"])
      }
    }
  }

  @Test("while nobody watches no picture is made, and no old one is told afterwards")
  func rests() async throws {
    try await withScene { scene in
      let first = try #require(await news(scene))
      // The watch before has ended by now, or does so at once.
      while scene.feed.news(since: 0, of: "") != nil { await Task.yield() }
      let looked = scene.looked
      for number in 1...1_000 { scene.set("b", UInt64(number)) }
      #expect(scene.looked <= looked + 1)
      let missed = await news(scene, since: first.cursor, of: first.source)
      #expect(missed?.whole == false && lanes(missed) == ["b=1000"])
    }
  }

  @Test("what is kept is bounded: who saw less gets the whole")
  func isBounded() async throws {
    try await withScene { scene in
      let first = try #require(await news(scene))
      let signals = scene.feed.signals()
      var seen = first
      var number: UInt64 = 1
      scene.set("b", number)
      for await _ in signals {
        guard let news = scene.feed.news(since: seen.cursor, of: seen.source) else { continue }
        seen = news
        number += 1
        if number > UInt64(HealthFeed.changesKept) + 2 { break }
        scene.set("b", number)
      }
      withExtendedLifetime(signals) {
        #expect(scene.feed.news(since: first.cursor, of: first.source)?.whole == true)
        #expect(scene.feed.news(since: seen.cursor - 2, of: "here")?.whole == false)
      }
    }
  }

  @Test("the more is told to the more, the longer is the pause, up to 2 s")
  func pauses() {
    let feed = HealthFeed(source: "here")
    #expect(feed.pause(afterTelling: 0) == .milliseconds(200))
    #expect(feed.pause(afterTelling: 500 * 100) == .milliseconds(500))
    #expect(feed.pause(afterTelling: 500 * 2_000) == .seconds(2))
  }

  @Test("the end of the feed is the end of those who watch")
  func ends() async throws {
    try await withScene { scene in
      let signals = scene.feed.signals()
      scene.feed.finish()
      for await _ in signals {}
    }
  }
}
