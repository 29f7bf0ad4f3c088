internal import OrderedCollections

/// Workers that live and can take nothing new: by what they say of themselves, or because their stream
/// does not get through.
extension ClusterCore {
  static let (degraded, oneWay) = ("node-degraded", "node-one-way")

  mutating func watchTroubles(of worker: Worker, at now: Now) {
    let name = worker.name
    if worker.trouble == nil {
      dispatchNeeded = true
      ready.healthChanged = true
    }
    for one in Worker.Trouble.allCases where one != worker.trouble {
      resolveIfOpen(one.rawValue, name.text, why: "worker \(name) works again", at: now)
    }
    switch worker.trouble {
    case .wedged:
      raise(
        "node-wedged", name.text, .critical, "worker \(name) is wedged", why: worker.troubleText,
        at: now)
    // With the store away for all there is one alert of that; and its return is not seen by all at once.
    case .storeAway
    where parts.storeState.state == .up
      && now.wall - parts.storeState.since >= Worker.troubleAfter:
      raise(
        "node-store-down", name.text, .critical, "worker \(name) alone does not reach its store",
        why: worker.troubleText, at: now)
    case .storeAway, nil: break
    }
  }

  /// It is lost, has left or is another process: what was wrong with it is over.
  mutating func troubleIsOver(_ worker: Worker, why: String, at now: Now) {
    for one in Worker.Trouble.allCases {
      resolveIfOpen(one.rawValue, worker.name.text, why: why, at: now)
    }
    streamTroubleIsOver(worker, why: why, at: now)
  }

  // MARK: its stream

  /// A reconnect that is needed and comes is nobody's concern.
  mutating func watchStream(of worker: Worker, at now: Now) {
    guard let since = worker.detector.troubledSince,
      now.monotonic - since >= Worker.troubleAfter
    else { return }
    let name = worker.name
    switch worker.detector.appearance(at: now.monotonic) {
    case .degraded(let reason):
      raise(
        Self.degraded, name.text, .warning, "worker \(name) is heard, and cannot be talked to",
        why: reason.description, at: now)
    case .oneWay(let reason):
      raise(
        Self.oneWay, name.text, .warning, "worker \(name) hears nothing of this coordinator",
        why: reason.description, at: now)
    case .up, .suspect, .lost: break
    }
  }

  /// One of the two has become the other. One that is suspect may be either in a moment.
  mutating func streamTroubleChanges(of worker: Worker, at now: Now) {
    switch worker.detector.state {
    case .degraded(let reason):
      resolveIfOpen(Self.oneWay, worker.name.text, why: reason.description, at: now)
    case .oneWay(let reason):
      resolveIfOpen(Self.degraded, worker.name.text, why: reason.description, at: now)
    case .up, .suspect, .lost: break
    }
  }

  mutating func streamTroubleIsOver(_ worker: Worker, why: String, at now: Now) {
    for one in [Self.degraded, Self.oneWay] {
      resolveIfOpen(one, worker.name.text, why: why, at: now)
    }
  }
}
