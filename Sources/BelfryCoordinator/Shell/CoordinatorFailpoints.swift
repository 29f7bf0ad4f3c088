#if DEBUG
  internal import BelfryAPI
  internal import BelfryCore

  /// The places in a coordinator's shell where a debug build can be broken, named after the steps of a
  /// job in `docs/protocol.md`. A place that ends in -ing is before the step's effect leaves the
  /// shell; one in -ed is when the answer is here and the core has not heard it.
  struct CoordinatorFailpoints {
    /// What is on its way to the broker: a confirm names only its number.
    private var publishing: [PublishID: String] = [:]

    mutating func hear(_ inputs: [Input]) {
      for input in inputs {
        switch input {
        case .arrived: ProcessFailpoint.pass("C1.received")
        case .lookedUp: ProcessFailpoint.pass("C3.answered")
        case .inserted: ProcessFailpoint.pass("C5.recorded")
        case .owed: ProcessFailpoint.pass("later.owed")
        case .claimed: ProcessFailpoint.pass("later.claimed")
        case .queue(.published(let results)):
          for result in results {
            guard let step = publishing.removeValue(forKey: result.id) else { continue }
            if case .confirmed = result.result { ProcessFailpoint.pass("\(step).confirmed") }
          }
        default: continue
        }
      }
    }

    mutating func perform(_ ready: Ready) {
      for publish in ready.publishes {
        let step = Self.step(publish.what)
        publishing[publish.id] = step
        ProcessFailpoint.pass("\(step).publishing")
      }
      if !ready.lookups.isEmpty { ProcessFailpoint.pass("C3.asking") }
      if !ready.records.isEmpty { ProcessFailpoint.pass("C5.recording") }
      if !ready.owes.isEmpty { ProcessFailpoint.pass("later.owing") }
      if !ready.acks.isEmpty { ProcessFailpoint.pass("C7.acking") }
      if Self.assigns(ready) { ProcessFailpoint.pass("C4.assigning") }
    }

    func performed(_ ready: Ready) {
      if !ready.acks.isEmpty { ProcessFailpoint.pass("C7.acked") }
      if Self.assigns(ready) { ProcessFailpoint.pass("C4.assigned") }
    }

    private static func step(_ what: Publish.What) -> String {
      switch what {
      case .event, .reply: "C6"
      case .job(_, .again): "C5"
      case .job, .rejected: "intake"
      case .owed: "later"
      }
    }

    private static func assigns(_ ready: Ready) -> Bool {
      ready.sends.contains { if case .assign = $0.message { true } else { false } }
    }
  }
#endif
