internal import Foundation

/// What one kind of receiver wants to be sent, and what its answer means. Pure: bytes in, bytes out.
protocol SinkFormat: Sendable {
  /// How many alerts go into one request.
  var batchMax: Int { get }
  func request(for alerts: [SinkAlert]) -> SinkRequest
  func verdict(on answer: HTTPAnswer, to alerts: [SinkAlert]) -> SinkVerdict
}

struct SinkRequest: Sendable, Equatable {
  var path: String
  var headers: [(name: String, value: String)]
  var body: [UInt8]

  init(_ path: String, _ headers: [(name: String, value: String)], _ body: String) {
    self.path = path
    self.headers = headers
    self.body = Array(body.utf8)
  }

  static func == (one: SinkRequest, other: SinkRequest) -> Bool {
    one.path == other.path && one.body == other.body
      && one.headers.elementsEqual(other.headers) { $0.name == $1.name && $0.value == $1.value }
  }
}

/// What became of a batch.
enum SinkVerdict: Sendable, Equatable {
  case delivered
  /// Later, with the same bytes; not before `after` where the receiver named a time.
  case again(why: String, after: Duration?)
  /// Indices into the batch: of those the receiver will never take, and of those to be sent later. The
  /// rest was delivered.
  case partly(refused: [Int], again: [Int], why: String)

  static func refused(_ alerts: [SinkAlert], why: String) -> SinkVerdict {
    .partly(refused: Array(alerts.indices), again: [], why: why)
  }
}

extension SinkFormat {
  /// What HTTP says, for receivers that say no more: a success is a delivery, a complaint about the
  /// message itself is final, and everything else (also 401 and 404, which an operator mends) is
  /// tried again.
  func verdict(on answer: HTTPAnswer, to alerts: [SinkAlert]) -> SinkVerdict {
    switch answer.status {
    case 200..<300: .delivered
    case 400, 413, 422: .refused(alerts, why: answer.complaint)
    default: .again(why: answer.complaint, after: answer.retryAfter)
    }
  }
}

extension HTTPAnswer {
  /// `503 Service Unavailable: …`, in one line of bounded length.
  var complaint: String {
    let text = String(decoding: body.prefix(200), as: UTF8.self)
      .map { $0.isNewline ? " " : $0 }
    return "HTTP \(status)" + (text.isEmpty ? "" : ": " + String(text))
  }
}
