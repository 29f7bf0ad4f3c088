internal import BelfryCore
internal import Glibc

/// The environment of commands: a few harmless variables of the worker's, those that the operator
/// names, and what describes the job. The worker's own, which may hold the store's password, stays
/// with it.
///
/// A command finds `BELFRY_JOB_ID`, `BELFRY_JOB_KIND`, `BELFRY_JOB_ATTEMPT` (from 1),
/// `BELFRY_ASSIGNMENT`, `BELFRY_LANE`, `BELFRY_PROGRESS_FD` (3: lines such as `0.5 half of it`); when
/// it has a time-out, `BELFRY_DEADLINE`: when it will be told to end, in whole seconds since 1970 as
/// `date +%s` prints them; and where the producer gave them, `BELFRY_JOB_CONTENT_TYPE`, `TRACEPARENT`
/// and `TRACESTATE`.
struct CommandEnvironment: Sendable {
  /// Of what a producer may write freely; longer is no content type and no trace.
  private static let freeTextBytesMax = 512
  static let allowed = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ",
    "TMPDIR",
  ]

  /// `NAME=value`, the same for every job.
  private let fixed: [String]

  /// Reads this process's environment once.
  init(_ settings: CommandSettings) {
    var lines: [String] = []
    var names = settings.environment.keys.sorted()
    for name in names {
      lines.append("\(name)=\(settings.environment[name] ?? "")")
    }
    for name in Self.allowed + settings.passThrough where !names.contains(name) {
      names.append(name)
      if let value = environmentValue(name) { lines.append("\(name)=\(value)") }
    }
    fixed = lines
  }

  /// - Parameter wallSeconds: now, in seconds since 1970.
  func lines(for invocation: CommandInvocation, wallSeconds: Int = secondsSince1970()) -> [String] {
    let job = invocation.job
    var lines = [
      "BELFRY_JOB_ID=\(job.id)",
      "BELFRY_JOB_KIND=\(job.kind)",
      "BELFRY_JOB_ATTEMPT=\(invocation.attempt)",
      "BELFRY_ASSIGNMENT=\(invocation.assignment)",
      "BELFRY_LANE=\(job.lane)",
      "BELFRY_PROGRESS_FD=3",
    ]
    for (name, value) in [
      ("BELFRY_JOB_CONTENT_TYPE", job.contentType), ("TRACEPARENT", job.traceparent),
      ("TRACESTATE", job.tracestate),
    ] {
      guard let value, value.utf8.count <= Self.freeTextBytesMax, !value.utf8.contains(0) else {
        continue
      }
      lines.append("\(name)=\(value)")
    }
    if let timeout = invocation.timeout {
      let seconds = timeout.components.seconds
      let (deadline, isFar) = wallSeconds.addingReportingOverflow(Int(clamping: seconds))
      if !isFar { lines.append("BELFRY_DEADLINE=\(deadline)") }
    }
    return lines + fixed
  }
}

/// Not by `time`, which answers as of the last tick of the kernel: just after a full second it may
/// still say the one before, unlike all other clocks.
private func secondsSince1970() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return now.tv_sec
}
