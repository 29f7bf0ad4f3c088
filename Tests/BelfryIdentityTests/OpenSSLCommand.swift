import BelfryIdentity
import Foundation
import Testing

/// The `openssl` command, which knows nothing of our code: what it says is what counts.
enum OpenSSLCommand {
  struct Answer {
    let status: Int32
    let output: String
  }

  static func run(_ arguments: [String]) throws -> Answer {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let pipe = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Answer(
      status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
  }

  /// `openssl x509 -text` of a certificate.
  static func text(_ path: String) throws -> String {
    let answer = try run(["x509", "-in", path, "-noout", "-text", "-nameopt", "RFC2253"])
    try #require(answer.status == 0, "\(answer.output)")
    return answer.output
  }

  /// `openssl verify` of a certificate for a purpose; strict about RFC 5280.
  static func verify(_ path: String, ca: String, purpose: String) throws -> Answer {
    try run([
      "verify", "-x509_strict", "-check_ss_sig", "-purpose", purpose, "-CAfile", ca, path,
    ])
  }
}

/// A folder of its own for one test, gone afterwards.
func withFolder<R>(_ body: (AuthorityFiles) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.path + "/belfry-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: folder) }  // It may never have been made.
  return try body(AuthorityFiles(folder: folder + "/certificates"))
}

func mode(_ path: String) throws -> Int {
  let attributes = try FileManager.default.attributesOfItem(atPath: path)
  return try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
}
