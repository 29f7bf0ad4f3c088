internal import Foundation

/// Runs a command for each alert, which finds it on its standard input as one JSON object: the one of
/// the webhook's `alerts`. Exit 0 is a delivery, 65 means never, anything else is tried again. It has
/// 30 s.
struct CommandTransport: SinkTransport {
  static let seconds = 30.0

  let batchMax = 1
  let words: [String]

  func deliver(_ alerts: [SinkAlert]) async throws -> SinkVerdict {
    guard let alert = alerts.first else { return .delivered }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.standardInput = try Self.unnamedFile(alert.json)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let status = try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { ended in
        continuation.resume(
          returning: ended.terminationReason == .exit
            ? ended.terminationStatus : 128 + ended.terminationStatus)
      }
      do {
        try process.run()
      } catch {
        process.terminationHandler = nil
        continuation.resume(
          throwing: HTTPFailure(description: "\(words[0]): \(error.localizedDescription)"))
        return
      }
      let child = Child(process)
      DispatchQueue.global().asyncAfter(deadline: .now() + Self.seconds) { child.kill() }
    }
    switch status {
    case 0: return .delivered
    case 65: return .refused([0], again: [], why: "\(words[0]) exited with 65")
    default: return .again(why: "\(words[0]) exited with \(status)", after: nil)
    }
  }

  /// Not a pipe: a command that ends without reading would have us write to nobody, which is a signal.
  private static func unnamedFile(_ text: String) throws -> FileHandle {
    let url = FileManager.default.temporaryDirectory.appending(path: "belfry-\(UUID().uuidString)")
    guard
      FileManager.default.createFile(
        atPath: url.path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    else { throw HTTPFailure(description: "\(url.path) cannot be written") }
    defer { try? FileManager.default.removeItem(at: url) }  // It stays open where it is read.
    return try FileHandle(forReadingFrom: url)
  }

  /// Foundation's Process, which may be asked from any thread whether it still runs.
  private final class Child: @unchecked Sendable {
    private let process: Process
    init(_ process: Process) { self.process = process }
    func kill() {
      if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }
  }
}
