/// How commands are run: limits, what they may see, where they stand.
package struct CommandSettings: Equatable, Sendable {
  /// The most that a command may write to standard output: one byte more and it is killed, and the
  /// job has failed with `result-too-large`. 64 MiB unless set, 1 byte to 1 GiB: it is in memory while
  /// the command runs. Above 1 MiB the result is kept in chunks.
  package var resultBytesMax = Worker.Configuration.resultBytesDefault
  /// From SIGTERM to SIGKILL, when a command's time is up or it is stopped. 5 s unless set; zero
  /// kills at once; at most an hour.
  package var grace = Duration.seconds(5)
  /// The most of one log line that is kept. 8 KiB unless set; 80 bytes to 1 MiB.
  package var logLineBytesMax = 8 << 10
  /// How much of the end of standard error goes into the error's record. 1 KiB unless set; at most
  /// 64 KiB.
  package var errorTailBytes = 1 << 10
  /// Names of variables of the worker's environment that commands see too, beside the few that they
  /// always see (`CommandEnvironment.allowed`). Example: `["AWS_REGION"]`. Never a `BELFRY_…`: those
  /// are the worker's own settings, with its passwords.
  package var passThrough: [String] = []
  /// Variables to set, over those that are passed through.
  package var environment: [String: String] = [:]
  /// Where commands start; nil is where the worker started.
  package var workingDirectory: String?

  package init() {}

  /// Refuses nonsense at start.
  package func validate() throws(CommandError) {
    try check("result limit", Worker.Configuration.resultBytesRange, resultBytesMax, "bytes")
    try check("log line limit", 80...(1 << 20), logLineBytesMax, "bytes")
    try check("error tail", 0...(64 << 10), errorTailBytes, "bytes")
    guard grace >= .zero, grace <= .seconds(3600) else {
      throw .badSetting("grace", why: "\(grace) is not between 0 and an hour")
    }
    for name in passThrough + environment.keys.sorted() {
      guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0) else {
        throw .badSetting("environment", why: "'\(name)' is no name of a variable")
      }
      guard !name.hasPrefix("BELFRY_") else {
        throw .badSetting("environment", why: "\(name): the worker sets the BELFRY_ names itself")
      }
    }
    for value in environment.values where value.utf8.contains(0) {
      throw .badSetting("environment", why: "a value holds a zero byte")
    }
    if let workingDirectory, !workingDirectory.hasPrefix("/") || workingDirectory.utf8.contains(0) {
      throw .badSetting("working directory", why: "'\(workingDirectory)' is not absolute")
    }
  }

  private func check(
    _ name: String, _ range: ClosedRange<Int>, _ value: Int, _ unit: String
  ) throws(CommandError) {
    guard !range.contains(value) else { return }
    throw .badSetting(
      name, why: "\(value) is not between \(range.lowerBound) and \(range.upperBound) \(unit)")
  }
}
