internal import BelfryAPI

/// What `belfry top` shows and how keys change it. It has no terminal and no clock: lines come out.
struct TopModel {
  enum Pane: Int, CaseIterable { case nodes, lanes, dead, alerts }
  enum Action: Equatable { case none, quit, suspend, perform(TopOrder) }

  private(set) var picture = Belfry_V1_HealthUpdate()
  private(set) var pane = Pane.nodes
  private(set) var isPaused = false
  private(set) var filter = ""
  private(set) var isTyping = false
  private(set) var isHelpShown = false
  private(set) var isDetailShown = false
  /// A column of the pane that is shown.
  private(set) var sortColumn = 0
  private(set) var selected = 0
  /// Waits for a yes.
  private(set) var asked: TopOrder?
  /// What became of the last order; the next key clears it.
  var said = ""
  /// Jobs with no tries left, the newest first; read while their pane is shown.
  var dead: [Belfry_V1_JobView] = []
  /// Why there is no news; empty: there is.
  var trouble = ""
  private var samples: [Sample] = []
  private var frozen: Belfry_V1_HealthUpdate?

  private struct Sample {
    var atMs: Int64
    let finished: UInt64
    let failed: UInt64
  }

  /// Rates are of this time.
  private static let spanMs: Int64 = 5_000

  private var shown: Belfry_V1_HealthUpdate { frozen ?? picture }

  // MARK: events

  /// - Parameter nowMs: of this machine's clock, like that of `passed`.
  mutating func updated(_ update: Belfry_V1_HealthUpdate, nowMs: Int64) {
    picture.apply(update)
    trouble = ""
    let sample = Sample(
      atMs: nowMs, finished: picture.lanes.reduce(0) { $0 &+ $1.finished },
      failed: picture.lanes.reduce(0) { $0 &+ $1.failed })
    // Another coordinator, or one that was started anew, counts from elsewhere.
    if let last = samples.last, last.finished > sample.finished { samples = [] }
    add(sample)
  }

  /// Time has passed: no news means that nothing was finished, and rates go down.
  mutating func passed(nowMs: Int64) {
    guard trouble.isEmpty, var last = samples.last, nowMs - last.atMs >= 1_000 else { return }
    last.atMs = nowMs
    add(last)
  }

  private mutating func add(_ sample: Sample) {
    samples.append(sample)
    while let second = samples.dropFirst().first, sample.atMs - second.atMs >= Self.spanMs {
      samples.removeFirst()
    }
  }

  mutating func pressed(_ key: TopKey) -> Action {
    if isTyping { return typed(key) }
    said = ""
    if let order = asked { return answered(key, order) }
    switch key {
    case .interrupt, .character("q"): return .quit
    case .suspend: return .suspend
    case .character("?"), .character("h"): isHelpShown.toggle()
    case .escape:
      (isHelpShown, isDetailShown) = (false, false)
      filter = ""
    case .tab:
      pane = Pane(rawValue: (pane.rawValue + 1) % Pane.allCases.count) ?? .nodes
      (selected, sortColumn, isDetailShown) = (0, 0, false)
    case .character("/"):
      isTyping = true
      filter = ""
    case .character("s"): sortColumn = (sortColumn + 1) % heads.count
    case .character("p"):
      isPaused.toggle()
      frozen = isPaused ? picture : nil
    case .enter: isDetailShown.toggle()
    case .character("c"): ask("c")
    case .character("r"): ask("r")
    case .up, .character("k"): selected -= 1
    case .down, .character("j"): selected += 1
    case .pageUp: selected -= 10
    case .pageDown: selected += 10
    case .character, .backspace: break
    }
    selected = max(0, min(selected, rows.count - 1))
    return .none
  }

  private mutating func ask(_ key: Character) {
    asked = rows.indices.contains(selected) ? TopOrder(key, pane, rows[selected][0]) : nil
    if asked == nil { said = TopOrder.keys }
  }

  private mutating func answered(_ key: TopKey, _ order: TopOrder) -> Action {
    asked = nil
    switch key {
    case .interrupt: return .quit
    case .character("y"), .character("Y"): return .perform(order)
    default:
      said = "nothing was done"
      return .none
    }
  }

  private mutating func typed(_ key: TopKey) -> Action {
    switch key {
    case .interrupt: return .quit
    case .suspend: return .suspend
    case .enter: isTyping = false
    case .escape: (isTyping, filter) = (false, "")
    case .backspace: filter = String(filter.dropLast())
    case .character(let character): filter.append(character)
    case .tab, .up, .down, .pageUp, .pageDown: break
    }
    selected = 0
    return .none
  }

  // MARK: what is shown

  /// Lines of at most `width` cells, exactly `height` of them.
  func frame(width: Int, height: Int, hasColor: Bool = false) -> [String] {
    var screen = Screen(width: width, hasColor: hasColor)
    screen.hasHeaders = true
    var lines = head(screen)
    if isHelpShown {
      lines += Self.help
    } else if isDetailShown, rows.indices.contains(selected) {
      lines += detail
    } else {
      lines += table(screen, height: height - lines.count - 2)
    }
    let room = max(0, height - 1)
    lines = Array(lines.prefix(room))
    lines += Array(repeating: "", count: room - lines.count)
    lines.append(foot)
    return lines.map { Self.cut($0, width) }
  }

  private func head(_ screen: Screen) -> [String] {
    let lanes = shown.lanes
    func sum(_ value: (Belfry_V1_LaneHealth) -> UInt64) -> UInt64 {
      lanes.reduce(0) { $0 &+ value($1) }
    }
    let verdict =
      !trouble.isEmpty ? trouble : shown.verdict.isEmpty ? "nothing is wrong" : shown.verdict
    let numbers =
      "done \(rate(\.finished))/s  failed \(rate(\.failed))/s  ready \(sum(\.ready))  waiting"
      + " \(sum(\.waiting))  running \(sum(\.running))  parked \(sum(\.parked))  \(shown.census)"
    let alerts = shown.alerts.map { "\($0.severity): \($0.summary)" }.joined(separator: "; ")
    return [
      Style.strong("cluster \(shown.cluster)", screen) + ": \(Document.Value.harmless(verdict))",
      numbers, alerts.isEmpty ? "" : "ALERTS  " + Document.Value.harmless(alerts),
    ]
  }

  private func rate(_ value: KeyPath<Sample, UInt64>) -> String {
    guard let first = samples.first, let last = samples.last, last.atMs > first.atMs else {
      return "-"
    }
    let count = last[keyPath: value] &- min(last[keyPath: value], first[keyPath: value])
    let tenths = Int(count) * 10_000 / Int(last.atMs - first.atMs)
    return "\(tenths / 10).\(tenths % 10)"
  }

  private var heads: [String] {
    switch pane {
    case .nodes: ["NODE", "ROLE", "STATE", "SLOTS", "BEAT", "REASON"]
    case .lanes:
      ["LANE", "READY", "WAITING", "RUNNING", "PARKED", "DONE", "FAILED", "WAITS FOR"]
    case .dead: ["JOB", "KIND", "LANE", "REASON", "TRIES", "WORKER", "ERROR"]
    case .alerts: ["ALERT", "SUBJECT", "SEVERITY", "WHY"]
    }
  }

  private var rows: [[String]] {
    let all: [[String]] =
      switch pane {
      case .nodes: shown.nodes.map(Self.row)
      case .lanes: shown.lanes.map(Self.row)
      case .dead: dead.map(Self.row)
      case .alerts: shown.alerts.map { [$0.rule, $0.subject, $0.severity, $0.why] }
      }
    let wanted = filter.lowercased()
    let matching =
      wanted.isEmpty ? all : all.filter { $0.joined(separator: " ").lowercased().contains(wanted) }
    return matching.sorted { Self.isBefore($0, $1, by: sortColumn) }
  }

  private static func row(_ node: Belfry_V1_NodeHealth) -> [String] {
    let isWorker = node.role == "worker"
    return [
      node.name, node.role, node.state, isWorker ? bar(Int(node.running), of: Int(node.slots)) : "",
      isWorker ? HealthTable.age(node.heartbeatAgeMs) : "", node.reason,
    ]
  }

  private static func row(_ lane: Belfry_V1_LaneHealth) -> [String] {
    let numbers = [
      lane.ready, lane.waiting, lane.running, lane.parked, lane.finished, lane.failed,
    ]
    return [lane.name] + numbers.map { "\($0)" }
      + [lane.paused ? "paused by \(lane.pausedBy)" : lane.waitsFor]
  }

  private static func row(_ job: Belfry_V1_JobView) -> [String] {
    let outcome = job.outcome
    return [
      job.id, job.kind, job.lane, outcome.reason, "\(outcome.tries)", job.worker,
      outcome.errorMessage,
    ]
  }

  private static func bar(_ taken: Int, of slots: Int) -> String {
    let cells = 8
    let full = slots > 0 ? min(cells, (taken * cells + slots - 1) / slots) : 0
    return String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
      + " \(taken)/\(slots)"
  }

  /// Numbers by size, the largest first; texts by the alphabet; equal ones by their name.
  private static func isBefore(_ a: [String], _ b: [String], by column: Int) -> Bool {
    let (x, y) = (a[column], b[column])
    let (left, right) = (numbers(x), numbers(y))
    if !left.isEmpty, !right.isEmpty, left != right {
      return right.lexicographicallyPrecedes(left)
    }
    return x == y ? a[0] < b[0] : x < y
  }

  /// Those of "17", and of "##...... 2/8" both.
  private static func numbers(_ text: String) -> [Int] {
    (text.split(separator: " ").last ?? "").split(separator: "/").compactMap { Int($0) }
  }

  private func table(_ screen: Screen, height: Int) -> [String] {
    var inner = screen
    inner.width = max(20, (screen.width ?? 80) - 2)
    let marked = heads.enumerated().map { $0 == sortColumn ? $1 + "*" : $1 }
    let lines = TextTable(marked, rows).lines(inner)
    guard lines.count == rows.count + 1, height > 1 else { return lines }
    let room = max(1, height - 1)
    let first = max(0, min(selected - room / 2, rows.count - room))
    let visible = lines.dropFirst(1 + first).prefix(room).enumerated().map { offset, line in
      (first + offset == selected ? "> " : "  ") + line
    }
    return ["  " + lines[0]] + visible
  }

  private var detail: [String] {
    zip(heads, rows[selected]).map { "\($0): \(Document.Value.harmless($1))" }
  }

  private var foot: String {
    if isTyping { return "filter: \(filter)_   Enter keeps it, Esc ends it" }
    if let asked { return "\(asked.question) y does it, any other key does not" }
    if !said.isEmpty { return Document.Value.harmless(said) }
    let names = Pane.allCases.map { $0 == pane ? "[\($0)]" : " \($0) " }.joined()
    return "\(names)  \(isPaused ? "PAUSED  " : "")\(filter.isEmpty ? "" : "filter: \(filter)  ")"
      + "q quit  ? help  Tab pane  / filter  s sort  p pause  Enter details"
      + hint
  }

  private var hint: String {
    switch pane {
    case .nodes: "  c cordon it  r uncordon it"
    case .lanes: "  c pause it  r resume it"
    case .dead: "  r retry it"
    case .alerts: ""
    }
  }

  private static let help = [
    "", "q, Ctrl-C   quit", "Tab         the next pane: nodes, lanes, dead jobs, alerts",
    "up, down    choose a row; also k and j, and a page at a time",
    "Enter       all of the row; again: back",
    "/           show only rows with a text; Esc ends it",
    "s           sort by the next column, the one with *",
    "p           hold the picture; again: go on",
    "c           cordon the node, or pause the lane, that is chosen; asks first",
    "r           uncordon the node, let the lane go on, or submit the dead job anew; asks first",
    "Ctrl-Z      to the shell; fg comes back", "?           this; again: back",
  ]

  /// Styles take no cells, and are not cut.
  private static func cut(_ line: String, _ width: Int) -> String {
    if line.contains("\u{1B}") { return line }
    return DisplayWidth.of(line) > width ? DisplayWidth.fit(line, to: width) : line
  }
}
