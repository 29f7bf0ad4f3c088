/// What the simulator breaks. How often each happens is drawn anew for every seed, and most seeds
/// leave some out, so that rare sequences of one kind come up too.
package enum FaultKind: Int, CaseIterable, Sendable {
  case coordinatorCrash
  case coordinatorPause
  case coordinatorDrain
  /// A coordinator that never comes back, while another is there.
  case coordinatorGone
  case workerCrash
  case workerPause
  case workerDrain
  /// A worker that never comes back.
  case workerGone
  /// A session's connection dies, and both ends hear of it later, each in its own time.
  case sessionCut
  /// Nothing arrives in one direction of a session for a while.
  case sessionStall
  /// A worker and a coordinator cannot reach each other for a while: a false verdict, often.
  case partition
  /// All workers lose one coordinator at once: a partition of its own.
  case coordinatorCutOff
  case consumeChannel
  case publishConnection
  case brokerRestart
  /// A memory alarm: the broker reads no publishes for a while.
  case brokerBlocked
  /// A queue takes no messages until it is declared again: publishes are returned.
  case unroutable
  case consumerEnded
  case storeOutage
  /// One write is answered *unknown*: not applied, applied, or applied late.
  case storeUnknown
  /// A write is undone by a step-down before its majority had it.
  case storeRollback
  /// Reads miss what was committed lately.
  case staleReads
  /// A producer does not hear the confirm and publishes again.
  case producerUnsure
  /// A producer publishes a job again that was confirmed.
  case producerRepeats
  case cancel
  /// Somebody pauses a lane for a while.
  case lanePause
  /// A wall clock jumps by up to two seconds.
  case clockJump
  /// Somebody cordons a worker for a while.
  case nodeCordon
}
