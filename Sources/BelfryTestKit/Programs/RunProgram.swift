internal import Dispatch
internal import Foundation

#if canImport(Glibc)
  internal import CGlibc
  internal import Glibc
#else
  internal import Darwin
#endif

/// Runs a program and returns what it wrote to stdout, without white space at its ends.
///
/// Not by Foundation's `Process`: on Linux that learns of the end from a socket which the program's
/// own children inherit, so one that leaves a server behind never ends for it. A file for the output
/// rather than a pipe, for the same reason.
package func runProgram(_ program: String, _ arguments: [String]) async throws -> String {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global().async {
      continuation.resume(with: Result { try runBlocking(program, arguments) })
    }
  }
}

package struct ProgramFailed: Error {
  package let program: String
  /// As `waitpid` has it, or the error number of `posix_spawn`.
  package let status: Int32
  package let output: String
}

private func runBlocking(_ program: String, _ arguments: [String]) throws -> String {
  let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  defer { unlink(file.path) }
  let (error, pid) = spawn(program, arguments, output: file.path)
  guard error == 0 else { throw ProgramFailed(program: program, status: error, output: "") }
  var status: Int32 = 0
  while waitpid(pid, &status, 0) == -1, errno == EINTR {}
  let output = try String(contentsOf: file, encoding: .utf8)
  guard status == 0 else { throw ProgramFailed(program: program, status: status, output: output) }
  return output.trimmingCharacters(in: .whitespacesAndNewlines)
}

private func spawn(
  _ program: String, _ arguments: [String], output: String
) -> (error: Int32, pid: pid_t) {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_addopen(
    &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  #if canImport(Glibc)
    // Or a listener that is closed here would live on in there.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
  #endif
  // The threads of Dispatch block every signal: a server that inherits that could not be stopped.
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
  var pointers = ([program] + arguments).map { strdup($0) } + [nil]
  defer { for pointer in pointers { free(pointer) } }
  var pid = pid_t()
  let error = posix_spawn(&pid, program, &actions, &attributes, &pointers, environ)
  return (error, pid)
}
