import BelfryNet
import BelfryRPC
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Callers of the server's own machine, by a Unix socket.
@Suite struct LocalSocketTests {
  private let path =
    FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString.prefix(8)).sock"

  private func call(_ client: RPCClient) async throws(RPCStatus) -> RPCReply {
    try await client.unary(
      TestMethods.echo, ByteBuffer(string: "x"), options: RPCCallOptions(timeout: .seconds(60)))
  }

  @Test("the kernel says who calls, whoever the server would take that for")
  func credentials() async throws {
    let seen = Mutex<PeerCredentials?>(nil)
    let asked = Mutex<PeerIdentity?>(nil)
    let authorize: RPCServer.Authorize = { _, peer in
      asked.withLock { $0 = peer }
      return nil
    }
    let me = PeerIdentity(cluster: "test", role: .operator, name: "uid 7 (me)", notAfter: .max)
    try await TestServer.with(authorize: authorize) { server in
      try await server.server.serve(
        on: LocalSocket(path: path, mode: 0o600) { credentials in
          seen.withLock { $0 = credentials }
          return me
        })
      let client = RPCClient(
        socket: path, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: .patient)
      #expect(try await call(client).message == ByteBuffer(string: "x"))
      await client.close()
      #expect(asked.withLock { $0 } == me)
      let credentials = seen.withLock { $0 }
      #expect(credentials?.user == geteuid() && credentials?.group == getegid())
      #expect(credentials?.process == getpid())
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }
    #expect(!FileManager.default.fileExists(atPath: path), "it goes with its server")
  }

  @Test("who is not let in learns that it was closed, and the log who it was")
  func refused() async throws {
    try await TestServer.with { server in
      try await server.server.serve(on: LocalSocket(path: path, mode: 0o600) { _ in nil })
      let client = RPCClient(
        socket: path, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: .patient)
      let error = await #expect(throws: RPCConnectError.self) { try await client.connect() }
      #expect(error?.target == "unix:\(path)")
      await client.close()
      #expect(server.log.all.contains { $0.contains("refused a local caller") })
      #expect(try await server.answers(), "others are served")
    }
  }

  @Test("a file that is no socket is left alone: somebody's data may be in it")
  func noSocket() async throws {
    try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await TestServer.with { server in
      let error = await #expect(throws: IOError.self) {
        try await server.server.serve(on: LocalSocket(path: path, mode: 0o600) { _ in nil })
      }
      #expect("\(error as Any)".contains("is no socket"))
    }
    #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
  }

  @Test("what a killed process has left there is replaced, and that of another process stays")
  func replaced() async throws {
    try await TestServer.with { old in
      try await old.server.serve(on: LocalSocket(path: path, mode: 0o600) { _ in nil })
      try await TestServer.with { new in
        try await new.server.serve(
          on: LocalSocket(path: path, mode: 0o600) { _ in TestServer.inProcessPeer })
        await old.server.shutdownGracefully(deadline: .milliseconds(200))
        let client = RPCClient(
          socket: path, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: .patient)
        #expect(try await call(client).message == ByteBuffer(string: "x"))
        await client.close()
      }
    }
  }
}
