import BelfryCore
import Testing

/// Foreign queues: when the broker is asked to consume which.
@Suite struct AttachedQueuesTests {
  private func attached(_ ready: Ready) -> [[String]] {
    ready.commands.compactMap {
      if case .attach(let queues) = $0 { queues.map(\.queue) } else { nil }
    }
  }

  @Test("with each new channel, and when the list changes; not when it is read again")
  func asked() {
    let scene = ClusterScene()
    #expect(attached(scene.feed(.attachmentsRead(["hello"]))) == [], "there is no connection")
    #expect(attached(scene.feed(.queue(.consumingUp(ChannelGeneration(1))))) == [["hello"]])
    #expect(attached(scene.feed(.attachmentsRead(["hello"]))) == [])
    #expect(
      attached(scene.feed(.attachmentsRead(["hello", "orders"]))) == [["hello", "orders"]])
    #expect(attached(scene.feed(.attachmentsRead([]))) == [[]])
    scene.feed(.queue(.consumingDown(ChannelGeneration(1), reason: "closed")))
    #expect(attached(scene.feed(.queue(.consumingUp(ChannelGeneration(2))))) == [])
  }

  @Test("one that leaves takes none")
  func leaving() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.attachmentsRead(["hello"]))
    #expect(attached(scene.feed(.drain)) == [[]])
    #expect(attached(scene.feed(.queue(.consumingUp(ChannelGeneration(2))))) == [[]])
  }

  @Test("it is consumed while its channel is up and it is wanted")
  func consumed() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.attachmentsRead(["hello"]))
    #expect(!scene.core.isConsumed("hello"))
    scene.feed(.queue(.attachedUp(ChannelGeneration(7), queue: "hello")))
    #expect(scene.core.isConsumed("hello"))
    scene.feed(.queue(.consumingDown(ChannelGeneration(7), reason: "queue hello was deleted")))
    #expect(!scene.core.isConsumed("hello"))
    scene.feed(.queue(.attachedUp(ChannelGeneration(8), queue: "hello")))
    #expect(scene.core.isConsumed("hello"))
    scene.feed(.attachmentsRead([]))
    #expect(!scene.core.isConsumed("hello"))
  }
}
