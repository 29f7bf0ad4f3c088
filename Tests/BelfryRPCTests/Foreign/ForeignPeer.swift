import BelfryIdentity
import BelfryNet
import Foundation
import Testing

/// Other people's gRPC: each has a program that calls `belfry.test.Everything` and one that serves it.
enum ForeignPeer: String, CaseIterable, Sendable, CustomTestStringConvertible {
  /// The C core.
  case grpcio
  /// Pure Python, on h2.
  case grpclib
  /// grpc-swift-2 with its NIO transport.
  case grpcSwift = "grpc-swift"

  /// Those at hand. grpc-swift-2 takes minutes to build: `make peers` does it, and names the program.
  static var present: [ForeignPeer] { swiftProgram == nil ? [.grpcio, .grpclib] : allCases }

  private static var swiftProgram: String? {
    ProcessInfo.processInfo.environment["BELFRY_GRPC_SWIFT_PEER"]
  }

  var testDescription: String { rawValue }

  /// A program and its arguments.
  typealias Command = (program: String, arguments: [String])

  func client(identity: String, port: Int) throws -> Command {
    try command("client", [identity, "\(port)"])
  }

  /// - Parameter pingInterval: how soon a PING may follow another, in ms; what gRPC servers allow is 5
  ///   minutes.
  func server(identity: String, pingInterval: Int = 300_000) throws -> Command {
    try command("server", [identity, self == .grpcSwift ? "0" : "\(pingInterval)"])
  }

  private func command(_ role: String, _ arguments: [String]) throws -> Command {
    if self == .grpcSwift {
      return (try #require(Self.swiftProgram), [role] + arguments)
    }
    let python = try #require(
      ProcessInfo.processInfo.environment["BELFRY_TEST_PYTHON"],
      "run these tests by make test, or scripts/with-services swift test")
    let script = try #require(
      Bundle.module.url(
        forResource: "\(rawValue)_\(role)", withExtension: "py", subdirectory: "Peers"))
    return (python, [script.path] + arguments)
  }
}

/// A server that is another program, ended with the test.
final class ForeignServer: Sendable {
  private let process: Process
  private let output: URL

  /// Runs `body` with a server of that peer, and the port it has printed.
  static func with<T>(
    _ command: ForeignPeer.Command, _ body: (ForeignServer, _ port: Int) async throws -> T
  ) async throws -> T {
    try await with(command) { server in
      #expect(await eventually { server.port != nil })
      return try await body(server, try #require(server.port))
    }
  }

  /// Runs `body` with a server whose port is known.
  static func with<T>(
    _ command: ForeignPeer.Command, _ body: (ForeignServer) async throws -> T
  ) async throws -> T {
    let server = try ForeignServer(command)
    let result: Result<T, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    // Some wait for handlers that nobody waits for, some have inherited that signals are blocked.
    if server.process.isRunning { kill(server.process.processIdentifier, SIGKILL) }
    _ = await eventually { !server.process.isRunning }
    try? FileManager.default.removeItem(at: server.output)
    return try result.get()
  }

  private init(_ command: ForeignPeer.Command) throws {
    output = FileManager.default.temporaryDirectory.appending(path: "belfry-peer-\(UUID())")
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    process = Process()
    process.executableURL = URL(filePath: command.program)
    process.arguments = command.arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
  }

  /// SIGTERM: a gRPC server finishes what it has begun.
  func terminate() {
    if process.isRunning { kill(process.processIdentifier, SIGTERM) }
  }

  private var port: Int? {
    let text = try? String(contentsOf: output, encoding: .utf8)
    return text.flatMap { $0.hasSuffix("\n") ? Int($0.dropLast()) : nil }
  }
}

extension TestCertificates {
  /// A folder of files as other programs want them. The name in it is true on loopback.
  func folder(_ role: Role, _ name: String) throws -> IdentityFiles {
    let files = IdentityFiles(folder: caFile + "-\(role.rawValue)-\(name)-\(UUID())")
    try files.write(
      try authority.issue(role, name, hosts: ["127.0.0.1"], validFor: .seconds(3_600)))
    return files
  }
}

extension TLSConfiguration {
  init(_ files: IdentityFiles) {
    self.init(
      certificateChainFile: files.certificatePath, keyFile: files.keyPath,
      caFile: files.authorityPath)
  }
}
