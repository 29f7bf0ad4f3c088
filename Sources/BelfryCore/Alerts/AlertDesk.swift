internal import DequeModule
internal import OrderedCollections

/// Sends each alert once and has each recorded, the store away or not; holds back what is silenced,
/// follows from another alert or was told a moment ago, and sends it later if it still fires then and
/// nobody looks after it.
///
/// With several coordinators the store says who sends: whoever opened, closed or released the episode
/// there. While it is away nobody can say so, and an alert must not wait for it, least of all the one
/// about the store: it is sent at once, and recorded, in order, when the store answers again. Two
/// coordinators that lose the store both send; a lost alert would be worse.
///
/// The end of an alert is sent to those who were told of its beginning, whatever is silenced by then.
///
/// Pure: `heard` takes what happened, `next` gives what to do, until it gives nothing.
package struct AlertDesk: Sendable {
  package enum Event: Sendable, Equatable {
    case raised(Alert)
    /// The store was asked how it is.
    case storeIs(up: Bool)
    /// What became of `Step.record`: this one opened or closed the episode, another had done so, or
    /// nil when nobody can know. Of an end: the episode as the store has it, which another coordinator
    /// may have opened; what this one read last may be a second old.
    case recorded(Bool?, closed: Alert? = nil)
    /// The same of `Step.release`.
    case released(Bool?)
    /// What the store has: all silences, and all open episodes.
    case read([Silence], open: [Alert])
    /// Outcomes that were announced here, dead jobs among them.
    case died([Outcome])
    case happened(Notice)
  }

  package enum Step: Sendable, Equatable {
    case send(Alert)
    /// One at a time; answered by `Event.recorded`.
    case record(Alert)
    /// One at a time; answered by `Event.released`.
    case release(Alert)
    case tell(Notice)
  }

  private struct Item {
    var alert: Alert
    var isSent = false
    /// Nobody is to be told: it is held back, or ends one that was. Of an end the store knows better.
    var isSilent: Bool
  }

  /// Rules and subjects are few; far more than an outage brings.
  package static let unrecordedMax = 1_000

  private var unrecorded = Deque<Item>()
  private var toSend = Deque<Alert>()
  private var toTell = Deque<Notice>()
  private var deadJobs = DeadJobs()
  private var isStoreUp = true
  private var isRecording = false
  private var releasing: Alert?
  private var silences: [Silence] = []
  /// Episodes that are open, as the store last said and this coordinator knows since.
  private var open = OrderedDictionary<AlertID, Alert>()
  /// When an episode was recorded from here: what was read before knows nothing of it.
  private var recordedAt = OrderedDictionary<AlertID, WallTime>()
  /// Those that were open before this coordinator are known.
  package private(set) var hasRead = false
  private static let readMax = Duration.seconds(10)
  /// When people were last told that it fires: of one that comes and goes they are told once a minute.
  private var toldAt = OrderedDictionary<AlertID, WallTime>()
  package static let flapRest = Duration.seconds(60)
  /// Holds back an alert that was told less than that ago.
  package static let flapping = "flapping"

  package init() {}

  package var unrecordedCount: Int { unrecorded.count }

  /// Those that are open, with who holds them back.
  package var openAlerts: [Alert] { Array(open.values) }

  package mutating func heard(_ event: Event, at now: WallTime) {
    switch event {
    case .raised(let alert): raised(alert, at: now)
    case .storeIs(let up): isStoreUp = up
    case .recorded(let isOurs, let closed): recorded(isOurs, closed, at: now)
    case .released(let isOurs): released(isOurs, at: now)
    case .read(let silences, let alerts):
      self.silences = silences
      hasRead = true
      read(alerts, at: now)
    case .died(let outcomes): deadJobs.died(outcomes, at: now)
    case .happened(let notice): toTell.append(notice)
    }
    toTell.append(contentsOf: deadJobs.due(at: now))
    if !isStoreUp {
      tell(at: now)
      sendUnasked()
    }
    release(at: now)
  }

  package mutating func next() -> Step? {
    if let alert = toSend.popFirst() { return .send(alert) }
    if let notice = toTell.popFirst() { return .tell(notice) }
    guard isStoreUp else { return nil }
    // The end of what is being released is recorded behind that.
    if !isRecording, let item = unrecorded.first, item.alert.id != releasing?.id {
      isRecording = true
      return .record(item.alert)
    }
    if let id = toRelease, let alert = open[id] {
      toRelease = nil
      releasing = alert
      return .release(alert)
    }
    return nil
  }

  /// Why nobody is told of an alert that fires: a silence's id, the alert it follows from, or that it has
  /// just been told.
  private func holder(of id: AlertID, at now: WallTime) -> String? {
    if let silence = silences.first(where: { $0.holds(at: now) && $0.match.matches(id) }) {
      return silence.id
    }
    if let cause = Inhibition.cause(of: id, among: open.keys) { return cause.description }
    guard let told = toldAt[id], now >= told, now - told < Self.flapRest else { return nil }
    return Self.flapping
  }

  private mutating func raised(_ raised: Alert, at now: WallTime) {
    var alert = raised
    var isSilent = false
    if alert.state == .resolved {
      isSilent = open.removeValue(forKey: alert.id)?.isHeldBack ?? false
    } else if let known = open[alert.id] {
      // Another coordinator has opened it: it is held back, or told, by that one.
      alert.heldBackBy = known.heldBackBy
      isSilent = alert.isHeldBack
    } else {
      alert.heldBackBy = holder(of: alert.id, at: now) ?? ""
      // Who is not recorded would never be told of later.
      if unrecorded.count >= Self.unrecordedMax, alert.heldBackBy == Self.flapping {
        alert.heldBackBy = ""
      }
      isSilent = alert.isHeldBack
      if !isSilent { told(alert.id, at: now) }
      if open.count < Self.unrecordedMax { open[alert.id] = alert }
    }
    // Beyond the bound nothing is recorded, but all is sent.
    if unrecorded.count < Self.unrecordedMax {
      unrecorded.append(Item(alert: alert, isSilent: isSilent))
    } else if !isSilent, alert.severity != .info {
      // The end of an episode that did not begin here may be one that never was.
      toSend.append(alert)
    }
  }

  private mutating func recorded(_ isOurs: Bool?, _ closed: Alert?, at now: WallTime) {
    isRecording = false
    guard let isOurs else {
      isStoreUp = false
      return
    }
    guard let item = unrecorded.popFirst() else { return }
    let isSilent = closed?.isHeldBack ?? item.isSilent
    if isOurs, !item.isSent, !isSilent {
      // Receivers know an alert again by what they were told when it fired.
      var alert = closed ?? item.alert
      alert.why = item.alert.why
      toSend.append(alert)
    }
    if item.alert.state != .resolved { recordedAt[item.alert.id] = now }
  }

  // MARK: what is held back

  private var toRelease: AlertID?

  private mutating func read(_ alerts: [Alert], at now: WallTime) {
    var next = OrderedDictionary<AlertID, Alert>()
    recordedAt.removeAll { now < $0.value || now - $0.value > Self.readMax }
    for id in recordedAt.keys { next[id] = open[id] }
    for alert in alerts {
      next[alert.id] = alert
      guard !alert.isHeldBack else { continue }
      // Another coordinator has told of it: just now, or when it fired.
      let wasHeldBack = open[alert.id]?.isHeldBack ?? false
      let time = wasHeldBack ? now : max(alert.firedAt, toldAt[alert.id] ?? alert.firedAt)
      if now - time < Self.flapRest { told(alert.id, at: time) }
    }
    // The store was asked before it heard of these, or has not heard of them yet.
    for item in unrecorded {
      next[item.alert.id] = item.alert.state == .resolved ? nil : open[item.alert.id]
    }
    if let releasing { next[releasing.id] = open[releasing.id] }
    open = next
  }

  /// One that is held back by nothing any more.
  private mutating func release(at now: WallTime) {
    guard isStoreUp, releasing == nil else { return }
    toRelease =
      open.values.first { alert in
        alert.isHeldBack && alert.state == .firing && holder(of: alert.id, at: now) == nil
          && !unrecorded.contains { $0.alert.id == alert.id }
      }?.id
  }

  private mutating func released(_ isOurs: Bool?, at now: WallTime) {
    guard var alert = releasing else { return }
    releasing = nil
    guard let isOurs else {
      isStoreUp = false
      return
    }
    open[alert.id]?.heldBackBy = ""
    guard isOurs else { return }
    told(alert.id, at: now)
    alert.heldBackBy = ""
    toSend.append(alert)
  }

  private mutating func told(_ id: AlertID, at now: WallTime) {
    toldAt.removeAll { now - $0.value >= Self.flapRest }
    toldAt[id] = now
  }

  // MARK: without the store

  /// What was held back, is no more, and is known to this coordinator alone. What is recorded waits for the store.
  private mutating func tell(at now: WallTime) {
    // Of what is being recorded the store hears that it is held back; it is released by it.
    for index in unrecorded.indices.dropFirst(isRecording ? 1 : 0) {
      let id = unrecorded[index].alert.id
      guard unrecorded[index].alert.isHeldBack, open[id] != nil, holder(of: id, at: now) == nil
      else { continue }
      unrecorded[index].alert.heldBackBy = ""
      unrecorded[index].isSilent = false
      open[id]?.heldBackBy = ""
      told(id, at: now)
    }
  }

  /// All that waits for the store. The end of an episode that did not begin here may be known to the
  /// store only: it is sent when the store says that there was one.
  private mutating func sendUnasked() {
    for index in unrecorded.indices
    where !unrecorded[index].isSent && !unrecorded[index].isSilent {
      let alert = unrecorded[index].alert
      guard alert.state == .firing || alert.severity != .info else { continue }
      unrecorded[index].isSent = true
      toSend.append(alert)
    }
  }
}
