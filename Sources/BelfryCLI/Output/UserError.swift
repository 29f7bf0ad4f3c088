internal import ArgumentParser
internal import Belfry
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import BelfryRabbitMQ
internal import BelfryWorker
internal import Foundation

/// Exit statuses: sysexits, as argument parsing and RabbitMQ use them.
enum Exit: Int32 {
  case bad = 1
  case usage = 64
  case badData = 65
  case notFound = 66
  case unavailable = 69
  case bug = 70
  case tryAgain = 75
  case protocolError = 76
  case refused = 77
  case configuration = 78
}

/// The stable codes of errors that people see.
enum ErrorCode: String {
  case missingSetting = "BF0101"
  case badSetting = "BF0102"
  case badFile = "BF0103"
  case fileExists = "BF0104"
  case badName = "BF0105"
  case notConfirmed = "BF0106"
  case addressTaken = "BF0112"
  case badJob = "BF0201"
  case jobNotFound = "BF0202"
  case payloadTooLarge = "BF0203"
  case ambiguousID = "BF0204"
  case noSuchLane = "BF0205"
  case noSuchSchedule = "BF0206"
  case unavailable = "BF0301"
  case refused = "BF0302"
  case timeout = "BF0303"
  case notOurProtocol = "BF0304"
  case brokerUnavailable = "BF0401"
  case storeUnsuitable = "BF0402"
  case dataInUse = "BF0421"
  case dataUnusable = "BF0422"
  case diskFull = "BF0423"
  case demoFailed = "BF0431"
  case wedged = "BF0501"
  case bug = "BF0901"

  var exit: Exit {
    switch self {
    case .missingSetting, .badSetting, .storeUnsuitable, .dataUnusable: .configuration
    case .addressTaken, .dataInUse, .diskFull: .unavailable
    case .demoFailed: .bad
    case .badFile, .badName, .badJob, .payloadTooLarge, .fileExists, .ambiguousID: .badData
    case .notConfirmed: .usage
    case .jobNotFound, .noSuchLane, .noSuchSchedule: .notFound
    case .unavailable, .brokerUnavailable: .unavailable
    case .timeout, .wedged: .tryAgain
    case .notOurProtocol: .protocolError
    case .refused: .refused
    case .bug: .bug
    }
  }
}

/// An error as a person reads it: what happened, why, what to do next, and a stable code.
struct UserError: Error, CustomStringConvertible {
  let code: ErrorCode
  let what: String
  let why: String
  let next: [String]

  init(_ code: ErrorCode, _ what: String, why: String, next: [String] = []) {
    self.code = code
    self.what = what
    self.why = why
    self.next = next
  }

  var description: String {
    var lines = ["error[\(code.rawValue)]: \(what)", "  why   \(why)"]
    for (index, step) in next.enumerated() {
      lines.append((index == 0 ? "  next  " : "        ") + step)
    }
    return lines.joined(separator: "\n")
  }

  /// Runs a command's body; an error is printed in its four parts and ends the process with its
  /// status.
  static func reporting(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch let error as UserError {
      fail(error)
    } catch let error as ExitCode {
      throw error
    } catch let error as ValidationError {
      throw error
    } catch {
      fail(UserError(translating: error))
    }
  }

  private static func fail(_ error: UserError) -> Never {
    FileHandle.standardError.write(Data((error.description + "\n").utf8))
    Foundation.exit(error.code.exit.rawValue)
  }

  /// Errors of the layers below, each with what to do next.
  init(translating error: any Error) {
    switch error {
    case let error as BelfryError: self.init(client: error)
    case let error as StartError:
      self.init(
        error.cause == .configuration ? .storeUnsuitable : .brokerUnavailable,
        "the coordinator could not start", why: error.description,
        next: [
          error.cause == .configuration
            ? "mend what it says, then start again"
            : "start it, or check --queue and --store; --wait 5m waits longer"
        ])
    case let error as StoreProblem:
      self.init(
        .storeUnsuitable, "the store cannot be used", why: error.message,
        next: ["check --store; example: mongodb://localhost:27017/belfry?replicaSet=rs0"])
    case let error as RabbitMQError:
      self.init(
        .badSetting, "the queue's address cannot be used", why: "\(error)",
        next: ["--queue amqp://user@host:5672/"])
    case let error as RPCConnectError: self.init(connect: error)
    case let error as TLSError:
      self.init(
        .badFile, "the identity cannot be used", why: error.reason,
        next: ["belfry cert issue ROLE NAME --dir DIR makes one"])
    case let error as IdentityError: self.init(identity: error)
    case let error as CommandError:
      self.init(
        .badSetting, "a handler cannot be set up", why: "\(error)",
        next: ["--run 'kind=command arguments'"])
    case is WedgedError:
      self.init(
        .wedged, "the worker has left", why: "\(error)", next: ["start it again"])
    default:
      self.init(
        .bug, "\(error)", why: "nothing more is known", next: ["please report this as a bug"])
    }
  }

  private init(client error: BelfryError) {
    switch error.code {
    case .badArgument:
      self.init(.badJob, "the request was not accepted", why: error.message)
    case .badIdentity:
      self.init(
        .badFile, "the identity cannot be used", why: error.message,
        next: ["belfry cert issue operator NAME --dir DIR makes one"])
    case .notFound: self.init(.jobNotFound, "not found", why: error.message)
    case .tooLarge: self.init(.payloadTooLarge, "too large", why: error.message)
    case .refused:
      self.init(
        .refused, "the coordinator refused the call", why: error.message,
        next: ["use an identity with that role: belfry cert issue ROLE NAME --dir DIR"])
    case .unavailable:
      self.init(
        .unavailable, "no answer from the cluster", why: error.message,
        next: ["check --server, and that a coordinator runs there: belfry coordinator run"])
    case .deadlineExceeded, .cancelled:
      self.init(
        .timeout, "no answer in time", why: error.message,
        next: ["--timeout 5m waits longer"])
    case .protocolError:
      self.init(.notOurProtocol, "the answer makes no sense", why: error.message)
    }
  }

  private init(connect error: RPCConnectError) {
    switch error.kind {
    case .serverRefused, .refusedByServer:
      self.init(
        .refused, "\(error.target) and this identity do not trust each other",
        why: error.reason,
        next: [
          "issue it anew, by the CA of that cluster: belfry cert issue ROLE NAME --dir DIR --force"
        ])
    case .notOurProtocol:
      self.init(.notOurProtocol, "\(error.target) is no Belfry coordinator", why: error.reason)
    default:
      self.init(
        .unavailable, "cannot reach \(error.target)", why: error.reason,
        next: ["check --server, and that a coordinator runs there: belfry coordinator run"])
    }
  }

  private init(identity error: IdentityError) {
    switch error.code {
    case .alreadyExists:
      self.init(
        .fileExists, "nothing was written", why: error.message,
        next: ["--force replaces it; what the old CA issued is then worthless"])
    case .badName, .badValidity: self.init(.badName, "not accepted", why: error.message)
    default:
      self.init(
        .badFile, "the identity cannot be used", why: error.message,
        next: ["belfry cert init makes a CA, belfry cert issue an identity"])
    }
  }
}
