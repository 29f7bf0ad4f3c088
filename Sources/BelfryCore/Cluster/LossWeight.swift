internal import OrderedCollections

/// Weighs the losses in a job's history: is the job a killer, or was it beside one?
///
/// A loss names a process (worker, boot id). It weighs 1 if that process had announced the start,
/// else ½, and once however many assignments it held. The process in session here: struck out, the
/// verdict was false. Back with a later boot id, or away for 10 minutes: *proven*. Else *open*: a
/// false verdict must not condemn.
struct LossWeight: Equatable {
  /// Proven weight at which a job is poison.
  static let poison = 3.0

  var proven = 0.0
  var open = 0.0
  /// Distinct processes not struck out.
  var processes = 0
}

extension ClusterCore {
  func weigh(_ history: History, at now: Now) -> LossWeight {
    var byProcess: [(worker: NodeName, boot: BootID, weight: Double, at: WallTime)] = []
    for line in history.lines where line.what == .lost && !line.beside {
      let weight = line.started ? 1.0 : 0.5
      if let index = byProcess.firstIndex(where: {
        $0.worker == line.worker && $0.boot == line.boot
      }) {
        byProcess[index].weight = max(byProcess[index].weight, weight)
      } else {
        byProcess.append((line.worker, line.boot, weight, line.at))
      }
    }
    var result = LossWeight()
    for process in byProcess {
      let worker = workers[process.worker]
      if let worker, worker.isAlive, worker.boot == process.boot { continue }
      result.processes += 1
      let isBackLater = worker.map { $0.boot > process.boot } ?? false
      if isBackLater || now.wall - process.at >= configuration.forgetAfter {
        result.proven += process.weight
      } else {
        result.open += process.weight
      }
    }
    return result
  }

  /// Two losses: a worker runs at most one such job at a time.
  func isHazard(_ entry: Entry, at now: Now) -> Bool {
    if entry.isSuspicious { return true }
    guard entry.history.losses >= 2 else { return false }
    return weigh(entry.history, at: now).processes >= 2
  }
}

/// More than half of at least four workers lost within 10 s, or silent by now, is our own partition: no
/// losses are charged, and jobs move at 10 % of the nodes a second. Those that are silent count from the first
/// loss on: who is cut off together is lost one after another.
struct MassLossBrake {
  static let window = Duration.seconds(10)
  static let nodesMin = 4

  private var losses: [(node: NodeName, at: Instant)] = []
  private(set) var held: [NodeName] = []
  private var released: Instant?
  /// When it last held one.
  private var heldAt: Instant?

  /// Notes a loss while `up` workers were up, the lost one included, and `silent` others of them were
  /// suspect; true when the brake holds.
  mutating func lost(
    _ node: NodeName, whenUp up: Int, silent: Int = 0, at now: Instant
  ) -> Bool {
    losses.removeAll { now - $0.at > Self.window || $0.node == node }
    let count = up + losses.count
    losses.append((node, now))
    guard count >= Self.nodesMin, (losses.count + silent) * 2 > count else {
      return false
    }
    if !isOn(at: now) { released = now }
    heldAt = now
    held.append(node)
    return true
  }

  mutating func returned(_ node: NodeName) {
    losses.removeAll { $0.node == node }
    held.removeAll { $0 == node }
  }

  /// The nodes whose jobs may move now.
  mutating func release(among count: Int, at now: Instant) -> [NodeName] {
    guard !held.isEmpty else { return [] }
    if let last = released, now - last < .seconds(1) { return [] }
    released = now
    let share = max(1, count / 10)
    let nodes = Array(held.prefix(share))
    held.removeFirst(nodes.count)
    return nodes
  }

  /// Until all that it held have moved, and nobody was lost for as long as it looks back.
  func isOn(at now: Instant) -> Bool {
    !held.isEmpty || heldAt.map { now - $0 < Self.window } ?? false
  }
}
