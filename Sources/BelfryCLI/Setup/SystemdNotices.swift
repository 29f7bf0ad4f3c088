internal import BelfryCore
internal import Foundation
internal import Logging
internal import Synchronization

/// Tells systemd how the process is, as sd_notify(3) has it: ready, a sentence, a sign of life, leaving.
/// Each is a datagram to the socket that NOTIFY_SOCKET names, by its path or, with `@` in front, by its
/// abstract name. There is one only under a unit of `Type=notify`, or who acts as if.
final class SystemdNotices: Sendable {
  private struct Told {
    var phase = NodeReport.Phase.starting
    var sentence = ""
    var sentenceAt: ContinuousClock.Instant?
    var signOfLifeAt: ContinuousClock.Instant?
    var leavingSince: ContinuousClock.Instant?
    var extendedAt: ContinuousClock.Instant?
  }

  private struct State {
    var told = Told()
    var hasWarned = false
  }

  /// Systemd's own manual asks for half of the limit; nil: no watchdog.
  private let signOfLifeEvery: Duration?
  /// After that no more time is asked for: a process that does not end is killed.
  private let leavingMax: Duration
  private let address: UnixAddress
  private let socket: Int32
  private let logger: Logger
  private let state = Mutex(State())

  /// In service a sentence changes with every job: systemd passes each on to whoever watches units.
  private static let sentenceEvery = Duration.seconds(2)
  private static let extendEvery = Duration.seconds(5)
  private static let extensionMicroseconds = 20_000_000

  /// - Parameter drainMax: how long the node may take to leave; a little is added for its end.
  init?(drainMax: Duration, logger: Logger) {
    let environment = ProcessInfo.processInfo.environment
    guard let name = environment["NOTIFY_SOCKET"], !name.isEmpty else { return nil }
    guard let address = UnixAddress(name) else {
      logger.warning("NOTIFY_SOCKET is no socket's name", metadata: ["name": "\(name)"])
      return nil
    }
    self.address = address
    self.logger = logger
    leavingMax = drainMax + .seconds(20)
    signOfLifeEvery = Self.watchdog(environment).map { $0 / 2 }
    socket = Foundation.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  deinit { close(socket) }

  /// What is not sent is tried again with the next report.
  func tell(_ report: NodeReport) {
    state.withLock { state in
      var next = state.told
      let lines = lines(report, &next, now: .now)
      guard !lines.isEmpty else { return }
      if let problem = send(lines.joined(separator: "\n")) {
        if !state.hasWarned {
          logger.warning("systemd cannot be told", metadata: ["why": "\(problem)"])
        }
        state.hasWarned = true
      } else {
        state.told = next
      }
    }
  }

  private func lines(
    _ report: NodeReport, _ told: inout Told, now: ContinuousClock.Instant
  ) -> [String] {
    func isDue(_ last: ContinuousClock.Instant?, every: Duration) -> Bool {
      last.map { now - $0 >= every } ?? true
    }
    var lines: [String] = []
    let isNewPhase = report.phase != told.phase
    if isNewPhase, report.phase == .ready { lines.append("READY=1") }
    if isNewPhase, report.phase == .leaving {
      lines.append("STOPPING=1")
      told.leavingSince = now
    }
    told.phase = report.phase
    if report.sentence != told.sentence,
      isNewPhase || report.phase != .ready || isDue(told.sentenceAt, every: Self.sentenceEvery)
    {
      // A line feed would begin another assignment.
      lines.append("STATUS=" + report.sentence.replacing("\n", with: " "))
      told.sentence = report.sentence
      told.sentenceAt = now
    }
    if let every = signOfLifeEvery, isDue(told.signOfLifeAt, every: every) {
      lines.append("WATCHDOG=1")
      told.signOfLifeAt = now
    }
    if let since = told.leavingSince, now - since < leavingMax,
      isDue(told.extendedAt, every: Self.extendEvery)
    {
      lines.append("EXTEND_TIMEOUT_USEC=\(Self.extensionMicroseconds)")
      told.extendedAt = now
    }
    return lines
  }

  /// Nil when it was sent. Never waits: the caller is the loop whose life is at stake.
  private func send(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    let sent = address.withPointer { pointer, length in
      sendto(
        socket, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), pointer,
        length)
    }
    return sent == bytes.count ? nil : String(cString: strerror(errno))
  }

  private static func watchdog(_ environment: [String: String]) -> Duration? {
    guard let text = environment["WATCHDOG_USEC"], let limit = Int64(text), limit > 0 else {
      return nil
    }
    // Meant for another process, from which this one has it.
    if let pid = environment["WATCHDOG_PID"], pid != "\(getpid())" { return nil }
    return .microseconds(limit)
  }
}

/// The address of a socket of the machine's own: a path, or `@` and an abstract name.
struct UnixAddress {
  private var address = sockaddr_un()
  private let length: socklen_t

  /// Nil when it is neither, or longer than an address can be (107 bytes).
  init?(_ text: String) {
    var name = Array(text.utf8)
    guard name.count > 1, name.count < MemoryLayout.size(ofValue: address.sun_path),
      let first = name.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
      let head = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)
    else { return nil }
    let isAbstract = first == UInt8(ascii: "@")
    if isAbstract { name[0] = 0 }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // A path ends with a zero, an abstract name with its length.
    length = socklen_t(head + name.count + (isAbstract ? 0 : 1))
  }

  func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
