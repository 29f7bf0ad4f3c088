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
  /// Later; not before `after` where the receiver named a time.
  case again(why: String, after: Duration?)
  /// The receiver will never take this batch, and has not said what in it is wrong.
  case refused(why: String)
  /// Indices into the batch: of those the receiver will never take, and of those to be sent later. The
  /// rest was delivered.
  case partly(refused: [Int], again: [Int], why: String, after: Duration? = nil)

  /// What became of a batch whose first `count` alerts met this verdict, and its other `rest` the other.
  func followed(by other: SinkVerdict, _ count: Int, _ rest: Int) -> SinkVerdict {
    let (one, two) = (parts(of: 0..<count), other.parts(of: count..<count + rest))
    let why = one.why.isEmpty || one.why == two.why ? two.why : one.why
    let (refused, again) = (one.refused + two.refused, one.again + two.again)
    if refused.isEmpty, again.isEmpty { return .delivered }
    return .partly(refused: refused, again: again, why: why, after: one.after ?? two.after)
  }

  /// Indices of what was refused and of what comes again, of these ones.
  func parts(
    of range: Range<Int>
  ) -> (refused: [Int], again: [Int], why: String, after: Duration?) {
    switch self {
    case .delivered: ([], [], "", nil)
    case .again(let why, let after): ([], Array(range), why, after)
    case .refused(let why): (Array(range), [], why, nil)
    case .partly(let refused, let again, let why, let after):
      (
        refused.map { $0 + range.lowerBound }, again.map { $0 + range.lowerBound }, why, after
      )
    }
  }
}

extension SinkFormat {
  /// What HTTP says, for receivers that say no more: a success is a delivery, a complaint about the
  /// message itself is final, and everything else (also 401 and 404, which an operator mends) is
  /// tried again.
  func verdict(on answer: HTTPAnswer, to alerts: [SinkAlert]) -> SinkVerdict {
    switch answer.status {
    case 200..<300: .delivered
    case 400, 413, 422: .refused(why: answer.complaint)
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
