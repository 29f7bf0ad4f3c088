import Foundation

/// What the programs in examples/grpc are in: Python with grpcio, and messages that plain `protoc`
/// has made from proto/. Nothing of it is ours but the schema.
extension TestCluster {
  private var root: String { services.scripts + "/.." }
  private var messages: URL { folder.appendingPathComponent("messages") }

  /// Makes the messages; once, before the other calls.
  func makeMessages() async throws {
    try FileManager.default.createDirectory(at: messages, withIntermediateDirectories: true)
    let files = [
      "belfry/v1/jobs.proto", "belfry/v1/cluster.proto", "belfry/v1/session.proto",
      "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto",
    ]
    try require(
      try await Run.program(
        "/usr/bin/env",
        ["protoc", "-I", root + "/proto", "--python_out=\(messages.path)"] + files))
  }

  func example(_ name: String) -> String { "\(root)/examples/grpc/\(name).py" }

  var pythonPath: [String: String] {
    // What is below `grpc` must not be looked for in the package of that name.
    let folders = ["", "/grpc/health/v1", "/grpc/reflection/v1"].map { messages.path + $0 }
    return ["PYTHONPATH": folders.joined(separator: ":"), "PYTHONUNBUFFERED": "1"]
  }

  /// Submits PREFIX-1 … PREFIX-count by the example and waits for the outcomes.
  func producerExample(
    _ count: Int, kind: String, prefix: String, payload: String
  ) async throws -> Ended {
    try await Run.program(
      services.python,
      [
        example("producer"), "--server", "127.0.0.1:\(port)", "--identity", certs + "/me",
        "--kind", kind, "--lane", lane, "--count", "\(count)", "--id-prefix", prefix, payload,
      ], environment: pythonPath, limit: 120)
  }

  func startWorkerExample(_ name: String, slots: Int) async throws {
    try await issue("worker", name)
    // Threads of this process block signals, and a child would inherit that: SIGTERM must reach it.
    let unblocked = """
      import runpy, signal, sys
      signal.pthread_sigmask(signal.SIG_SETMASK, [])
      del sys.argv[0]
      runpy.run_path(sys.argv[0], run_name='__main__')
      """
    try start(
      name,
      [
        "-c", unblocked, example("worker"), "--server", "127.0.0.1:\(port)", "--identity",
        certs + "/" + name,
        "--lane", lane, "--slots", "\(slots)",
      ], program: services.python, environment: pythonPath)
  }

  /// Runs lines of Python that find `channel`, one with a certificate; `stranger()`, one without; and
  /// `call(KIND, PATH, REQUEST TYPE, REPLY TYPE)`.
  func grpc(_ code: String, identity: String = "me") async throws -> Ended {
    let head = """
      import sys, threading, grpc
      import health_pb2, reflection_pb2
      from belfry.v1 import cluster_pb2, jobs_pb2, session_pb2
      folder, address, lane = '\(certs)/\(identity)/', '127.0.0.1:\(port)', '\(lane)'
      read = lambda name: open(folder + name, 'rb').read()
      def stranger():
          return grpc.secure_channel(address, grpc.ssl_channel_credentials(read('ca.pem')))
      channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(
          read('ca.pem'), read('identity.key'), read('identity.pem')))
      def call(kind, path, request, reply, channel=channel):
          return getattr(channel, kind)(
              path, request_serializer=request.SerializeToString,
              response_deserializer=reply.FromString)
      def code_of(function):
          try:
              function()
          except grpc.RpcError as error:
              return error.code().name
          return 'OK'

      """
    return try await Run.program(
      services.python, ["-c", head + code], environment: pythonPath, limit: 60)
  }
}
