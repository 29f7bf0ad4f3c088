internal import BelfryCore

/// Keeps a consuming connection open until it is stopped, and says when there is one.
struct ConsumingPump {
  let configuration: RabbitMQConfiguration
  let topology: Topology
  let mailbox: Mailbox
  let generations: Generations
  let deliver: @Sendable ([QueueEvent]) -> Void

  func run() {
    var backoff = Backoff()
    var reported: String?
    while !mailbox.isStopped {
      let began = ContinuousClock.now
      let session = ConsumingSession(
        configuration, topology: topology, mailbox: mailbox, generations: generations,
        deliver: deliver)
      do {
        try session.serve(
          AMQPConnection(
            configuration.address, name: configuration.connectionName + " (consuming)"))
      } catch {
        session.end(error.message)
        if !session.wasUp, error.message != reported {
          reported = error.message
          deliver([.unavailable(reason: error.message)])
        }
      }
      if session.wasUp { reported = nil }
      if ContinuousClock.now - began > Limit.trustedAge { backoff.reset() }
      pause(backoff.next())
    }
  }

  /// What is asked while there is no channel is meant for none.
  private func pause(_ time: Duration) {
    let end = ContinuousClock.now + time
    while !mailbox.take().isStopped, ContinuousClock.now < end {
      mailbox.wait(atMost: end - .now)
    }
  }
}
