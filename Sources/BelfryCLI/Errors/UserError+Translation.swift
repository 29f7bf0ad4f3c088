internal import ArgumentParser
internal import Belfry
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import BelfryRabbitMQ
internal import BelfryWorker
internal import NIOCore

extension UserError {
  /// Errors of the layers below, each with what to do next.
  init(translating error: any Error) {
    switch error {
    case let error as UserError: self = error
    case let error as BelfryError: self.init(client: error)
    // How a stream ends that a command follows.
    case let error as RPCStatus: self.init(client: BelfryError(error))
    case let error as StartError: self.init(start: error)
    case let error as StoreProblem:
      self =
        UserError(foreign: error.message)
        ?? UserError(
          .storeUnsuitable, "the store cannot be used", why: error.message,
          next: ["check --store; example: mongodb://localhost:27017/belfry?replicaSet=rs0"])
    case let error as RabbitMQError:
      self =
        UserError(foreign: error.description)
        ?? UserError(
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
    case let error as IOError:
      self.init(
        .addressTaken, "it cannot listen there", why: "\(error)",
        next: ErrorEntry(.addressTaken).next)
    case let error as SessionRefused:
      self.init(
        .refused, "the cluster does not let this worker in", why: error.description,
        next: [
          "ask an operator for a new token: belfry token create",
          "then: belfry worker join … --force",
          "if it was made by hand: belfry cert issue worker NAME --dir DIR --force",
        ])
    case is WedgedError:
      self.init(
        .wedged, "the worker has left", why: "\(error)", next: ["start it again"])
    default:
      self.init(
        .bug, "\(error)", why: "nothing more is known", next: ErrorEntry(.bug).next)
    }
  }

  private init(start error: StartError) {
    // What waiting cannot mend keeps its status: an operator's restart would not mend it either.
    let known = UserError(foreign: error.description)
    if error.cause == .configuration {
      self =
        known
        ?? UserError(
          .storeUnsuitable, "the coordinator could not start", why: error.description,
          next: ["mend what it says, then start again"])
    } else {
      let code = known?.code.exit == .unavailable ? .brokerUnavailable : known?.code
      self.init(
        code ?? .brokerUnavailable, "the coordinator could not start", why: error.description,
        next: known?.next ?? [
          "start it, or check --queue and --store; --wait 5m waits longer"
        ])
    }
  }

  private init(client error: BelfryError) {
    // How a connection failed is in its words alone.
    if [.unavailable, .refused].contains(error.code), let known = UserError(foreign: error.message)
    {
      self = known
      return
    }
    switch error.code {
    case .badArgument:
      self.init(.badJob, "the request was not accepted", why: error.message)
    case .notPossible: self.init(.notPossible, "not possible as things are", why: error.message)
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
    case .unavailable where error.message.contains(ServerSocket.scheme + "/"):
      self.init(
        .unavailable, "no answer on the coordinator's socket", why: error.message,
        next: [
          "call as root, as the coordinator's own user, or as one that --socket-user names",
          "see that a coordinator runs there: belfry coordinator run --socket PATH",
        ])
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
    case .serverRefused:
      let known = ForeignError(in: error.reason)
      let code = known?.code ?? .foreignAuthority
      self.init(
        code, "\(error.target) is not trusted" + (known.map { ": \($0.what)" } ?? ""),
        why: error.reason, next: ErrorEntry(code).next)
    case .refusedByServer:
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
        next: ["--force replaces it; what a CA issued is worthless once it is replaced"])
    case .notFound:
      self.init(
        .fileMissing, "a file is not there", why: error.message,
        next: ["check the path; belfry cert issue ROLE NAME --dir DIR makes an identity"])
    case .badName, .badValidity: self.init(.badName, "not accepted", why: error.message)
    default:
      self.init(
        .badFile, "the identity cannot be used", why: error.message,
        next: ["belfry cert init makes a CA, belfry cert issue an identity"])
    }
  }
}
