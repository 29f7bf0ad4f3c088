internal import BelfryCore

/// Why an embedded file cannot be used.
package struct EmbeddedError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// Another process has it open.
    case locked
    /// Made by a newer Belfry.
    case newer
    /// Its contents contradict themselves.
    case damaged
    /// A file of something else.
    case notOurs
    /// No room on its disk.
    case full
    /// It cannot be opened, made or read.
    case fileSystem
  }

  package let code: Code
  package let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }

  init(_ failure: SQLiteFailure, at path: String) {
    switch failure.cause {
    case .full: self.init(.full, "there is no room left for \(path): \(failure.message)")
    case .damaged: self.init(.damaged, "\(path) is damaged: \(failure.message)")
    case .notADatabase: self.init(.notOurs, "\(path) is no database: \(failure.message)")
    case .busy: self.init(.locked, "\(path) is held by another process: \(failure.message)")
    case .other: self.init(.fileSystem, "\(path) cannot be used: \(failure.message)")
    }
  }

  /// As a store says it.
  var problem: StoreProblem {
    let isPermanent =
      switch code {
      case .newer, .damaged, .notOurs: true
      case .locked, .full, .fileSystem: false
      }
    return StoreProblem(isPermanent: isPermanent, message: description)
  }
}
