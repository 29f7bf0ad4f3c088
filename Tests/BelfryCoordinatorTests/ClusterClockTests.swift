import BelfryAPI
import BelfryCore
import Synchronization
import Testing

/// One clock for all, the store's, whatever this machine's says.
@Suite struct ClusterClockTests {
  /// A machine whose wall clock can jump, and a store whose answer takes its time.
  final class World: Sendable {
    struct Clocks {
      var monotonic: Int64 = 5_000
      var wall: Int64 = 1_000_000
      var store: Int64? = 2_000_000
      /// How long an answer takes, each way.
      var way: Int64 = 0
    }

    let clocks = Mutex(Clocks())

    func pass(_ milliseconds: Int64) {
      clocks.withLock {
        $0.monotonic += milliseconds
        $0.wall += milliseconds
        $0.store = $0.store.map { $0 + milliseconds }
      }
    }

    func now() -> Now {
      clocks.withLock {
        Now(
          monotonic: Instant(nanoseconds: $0.monotonic * 1_000_000),
          wall: WallTime(milliseconds: $0.wall))
      }
    }
  }

  @Sendable func storeTime() async -> WallTime? {
    let way = world.clocks.withLock { $0.way }
    world.pass(way)
    defer { world.pass(way) }
    return world.clocks.withLock { $0.store.map(WallTime.init(milliseconds:)) }
  }

  let world = World()
  var clock: ClusterClock { ClusterClock(local: { [world] in world.now() }) }

  @Test("it is this machine's until the store has said its own, and while it has none")
  func local() async {
    let clock = clock
    #expect(clock.now() == world.now())
    world.clocks.withLock { $0.store = nil }
    #expect(await clock.follow(storeTime) == nil)
    #expect(clock.now() == world.now())
  }

  @Test("then it is the store's, and a jump of this machine's changes nothing")
  func jump() async {
    let clock = clock
    #expect(await clock.follow(storeTime) == .seconds(-1_000))
    #expect(clock.now().wall.milliseconds == 2_000_000)
    world.pass(1_500)
    for jump in [3_600_000, -7_200_000] as [Int64] {
      world.clocks.withLock { $0.wall += jump }
      #expect(clock.now().wall.milliseconds == 2_001_500)
      #expect(clock.now().monotonic == world.now().monotonic)
    }
    #expect(await clock.follow(storeTime) == .seconds(-1_000 - 3_600))
    #expect(clock.now().wall.milliseconds == 2_001_500)
  }

  @Test("the time that asking takes is no difference, a store's clock that is set is one")
  func answers() async {
    let clock = clock
    world.clocks.withLock { $0.way = 40 }
    await clock.follow(storeTime)
    #expect(clock.now().wall.milliseconds == 2_000_080)
    world.clocks.withLock { $0.store = $0.store.map { $0 + 60 } }
    await clock.follow(storeTime)
    #expect(clock.now().wall.milliseconds == 2_000_160, "within what asking took")
    world.clocks.withLock { $0.store = $0.store.map { $0 - 10_000 } }
    await clock.follow(storeTime)
    #expect(clock.now().wall.milliseconds == 1_990_300)
  }
}
