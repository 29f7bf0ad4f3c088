import BelfryAPI
import BelfryCore
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import BelfryCoordinator

/// Where a coordinator's datagrams go to, on real sockets.
@Suite struct SessionDatagramsTests {
  private let group = MultiThreadedEventLoopGroup.singleton

  private func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if condition() { return true }
      try? await Task.sleep(for: .milliseconds(2))
    }
    return false
  }

  @Test("they go to where the newest of the worker's came from, and not to where an old one did")
  func address() async throws {
    let heard = Atomic(0)
    let datagrams = SessionDatagrams(logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
    await datagrams.bind(host: "127.0.0.1", port: 0, group: group) {
      heard.add($0.count, ordering: .relaxed)
    }
    defer { datagrams.close() }
    let key = [UInt8](repeating: 7, count: 32)
    let session = SessionID(1)
    let offer = try #require(datagrams.open(session, key: key))
    let atHome = Atomic(0)
    let elsewhere = Atomic(0)
    let home = try await DatagramSocket.bind(host: "127.0.0.1", port: 0, group: group) {
      atHome.add($0.count, ordering: .relaxed)
    }.get()
    let other = try await DatagramSocket.bind(host: "127.0.0.1", port: 0, group: group) {
      elsewhere.add($0.count, ordering: .relaxed)
    }.get()
    defer {
      home.close()
      other.close()
    }
    let now = Instant(nanoseconds: 0)
    let coordinator = try SocketAddress(ipAddress: "127.0.0.1", port: offer.port)
    var worker = DatagramEnd(session: offer.session, key: key, sending: .toCoordinator, at: now)
    let (first, second) = (worker.seal(Beat(), at: now), worker.seal(Beat(), at: now))

    home.send([(coordinator, second)])
    #expect(await eventually { heard.load(ordering: .relaxed) == 1 })
    // Held back on its way, from where the worker was before.
    other.send([(coordinator, first)])
    #expect(await eventually { heard.load(ordering: .relaxed) == 2 })
    datagrams.send([(session, Beat())])
    #expect(
      await eventually { atHome.load(ordering: .relaxed) + elsewhere.load(ordering: .relaxed) == 1 }
    )
    #expect(atHome.load(ordering: .relaxed) == 1)

    // It has moved.
    other.send([(coordinator, worker.seal(Beat(), at: now))])
    #expect(await eventually { heard.load(ordering: .relaxed) == 3 })
    datagrams.send([(session, Beat())])
    #expect(await eventually { elsewhere.load(ordering: .relaxed) == 1 })
  }
}
