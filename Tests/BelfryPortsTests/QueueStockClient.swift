import BelfryCore
import BelfryTestKit
import Foundation
import Synchronization

/// A stock AMQP client, pika, in a Python process: what strangers do, and what they see of ours.
final class StockClient: QueueStranger {
  private let input: FileHandle
  private let output: FileHandle
  private let process: Process
  private let turns = DispatchQueue(label: "stock client")
  private let rabbitFolder: String
  private let script: String

  /// One for all tests, on the broker of scripts/with-services.
  static func shared() async throws -> StockClient {
    try await only.get()
  }

  private static let only = Lazy {
    try StockClient(
      url: TestRabbit.variable("BELFRY_TEST_AMQP_URL"),
      folder: TestRabbit.variable("BELFRY_TEST_RABBIT_DIR"))
  }

  private actor Lazy {
    private let make: @Sendable () throws -> StockClient
    private var made: StockClient?
    init(_ make: @escaping @Sendable () throws -> StockClient) { self.make = make }
    func get() throws -> StockClient {
      if let made { return made }
      let new = try make()
      made = new
      return new
    }
  }

  /// `folder` is the DIR of scripts/rabbit.
  init(url: String, folder: String) throws {
    rabbitFolder = folder
    script = try TestRabbit.variable("BELFRY_TEST_SCRIPTS") + "/rabbit"
    process = Process()
    process.executableURL = URL(filePath: try TestRabbit.variable("BELFRY_TEST_PYTHON"))
    process.arguments = ["-c", Self.program, url]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    self.input = input.fileHandleForWriting
    self.output = output.fileHandleForReading
  }

  deinit {
    try? input.close()  // Its end of input: the process ends.
  }

  struct Failed: Error, CustomStringConvertible { let description: String }

  /// One request, one answer, each a line of JSON.
  func ask(_ request: [String: any Sendable]) async throws -> [String: Any] {
    let line = try JSONSerialization.data(withJSONObject: request)
    let answer: Data = try await withCheckedThrowingContinuation { continuation in
      turns.async { [input, output] in
        continuation.resume(
          with: Result {
            try input.write(contentsOf: line + Data("\n".utf8))
            var answer = Data()
            while let byte = try output.read(upToCount: 1), byte != Data("\n".utf8) {
              answer += byte
            }
            return answer
          })
      }
    }
    let object = try JSONSerialization.jsonObject(with: answer) as? [String: Any] ?? [:]
    if let error = object["error"] as? String { throw Failed(description: error) }
    return object
  }

  func declare(_ queue: String) async throws {
    _ = try await ask(["do": "declare", "queue": queue])
  }

  func delete(_ queue: String) async throws {
    _ = try await ask(["do": "delete", "queue": queue])
  }

  func bind(_ queue: String, to exchange: String, key: String) async throws {
    _ = try await ask(["do": "bind", "queue": queue, "exchange": exchange, "key": key])
  }

  func send(_ message: QueueMessage, exchange: String, key: String) async throws {
    var request: [String: any Sendable] = [
      "do": "publish", "exchange": exchange, "key": key,
      "body": Data(message.body.bytes).base64EncodedString(),
    ]
    request["message_id"] = message.messageID
    request["type"] = message.type
    _ = try await ask(request)
  }

  func endConnections(of name: String) async throws {
    let list = try await Self.run(
      script, ["ctl", rabbitFolder, "list_connections", "-q", "pid", "client_properties"])
    for line in list.split(separator: "\n") where line.contains("\"\(name) (") {
      let pid = line.prefix { $0 != "\t" }
      _ = try await Self.run(
        script, ["ctl", rabbitFolder, "close_connection", String(pid), "closed by a test"])
    }
  }

  /// Runs a program in an environment with these variables more; what it wrote to stdout.
  static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> String {
    let variables = environment.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
    return try await runProgram("/usr/bin/env", variables + [program] + arguments)
  }

  private static let program = """
    import base64, datetime, json, sys
    import pika

    parameters = pika.URLParameters(sys.argv[1])
    parameters.heartbeat = 0
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()

    # One header of each type that pika writes.
    EVERY = {"text": "grüezi", "int": 7, "long": 1 << 40, "negative": -3, "yes": True, "no": False,
             "when": datetime.datetime(2026, 7, 31, 12, 0, 0, tzinfo=datetime.timezone.utc),
             "none": None, "bytes": b"\\x00\\xff", "table": {"a": 1}, "list": [1, 2]}

    def show(value):
        if isinstance(value, datetime.datetime):
            stamp = value.replace(tzinfo=value.tzinfo or datetime.timezone.utc)
            return ["timestamp", int(stamp.timestamp())]
        return [type(value).__name__, value if isinstance(value, (str, int, bool)) else str(value)]

    def act(r):
        what = r["do"]
        if what == "declare":
            channel.queue_declare(r["queue"], durable=True, arguments=r.get("arguments"))
        elif what == "delete":
            channel.queue_delete(r["queue"])
        elif what == "bind":
            channel.queue_bind(r["queue"], r["exchange"], r["key"])
        elif what == "publish":
            properties = pika.BasicProperties(
                message_id=r.get("message_id"), type=r.get("type"), delivery_mode=2,
                headers=EVERY if r.get("every") else None)
            channel.basic_publish(r["exchange"], r["key"], base64.b64decode(r["body"]), properties)
        elif what == "get":
            method, p, body = channel.basic_get(r["queue"], auto_ack=True)
            if method is None:
                return {}
            names = ["content_type", "content_encoding", "message_id", "type", "reply_to",
                     "correlation_id", "timestamp", "delivery_mode"]
            return {"body": base64.b64encode(body).decode(),
                    "properties": {n: getattr(p, n) for n in names if getattr(p, n) is not None},
                    "headers": {k: show(v) for k, v in (p.headers or {}).items()}}
        return {}

    for line in sys.stdin:
        try:
            answer = act(json.loads(line))
        except Exception as error:
            answer = {"error": repr(error)}
            if channel.is_closed:
                if connection.is_closed:
                    connection = pika.BlockingConnection(parameters)
                channel = connection.channel()
        print(json.dumps(answer), flush=True)
    """
}
