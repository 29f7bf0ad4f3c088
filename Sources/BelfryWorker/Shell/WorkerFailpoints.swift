#if DEBUG
  internal import BelfryAPI
  internal import BelfryCore

  /// The places in a worker's shell where a debug build can be broken, named after the steps of a job
  /// in `docs/protocol.md`.
  enum WorkerFailpoints {
    static func hear(_ inputs: [WorkerCore.Input]) {
      for input in inputs {
        switch input {
        case .received(_, let messages):
          let assigns = messages.contains { if case .assign = $0 { true } else { false } }
          if assigns { ProcessFailpoint.pass("W1.received") }
        case .handlerEnded: ProcessFailpoint.pass("W2.ended")
        case .inserted: ProcessFailpoint.pass("W3.inserted")
        default: continue
        }
      }
    }

    static func perform(_ ready: WorkerCore.Ready) {
      if !ready.starts.isEmpty { ProcessFailpoint.pass("W1.starting") }
      let inserts = ready.records.contains { if case .insert = $0 { true } else { false } }
      if inserts { ProcessFailpoint.pass("W3.inserting") }
    }

    static func send(_ messages: [WorkerMessage]) {
      if announces(messages) { ProcessFailpoint.pass("W1.announcing") }
      if reports(messages) { ProcessFailpoint.pass("W4.reporting") }
    }

    static func sent(_ messages: [WorkerMessage]) {
      if announces(messages) { ProcessFailpoint.pass("W1.announced") }
      if reports(messages) { ProcessFailpoint.pass("W4.reported") }
    }

    private static func announces(_ messages: [WorkerMessage]) -> Bool {
      messages.contains { if case .started = $0 { true } else { false } }
    }

    private static func reports(_ messages: [WorkerMessage]) -> Bool {
      messages.contains { if case .finished = $0 { true } else { false } }
    }
  }
#endif
