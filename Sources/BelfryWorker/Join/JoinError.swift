/// Why a machine could not join, for its operator to mend.
package struct JoinError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: Sendable, Equatable {
    /// Nobody answers there.
    case unreachable
    /// Somebody answers who is no coordinator.
    case notOurProtocol
    /// The coordinator is not of the cluster that the token was made for; nothing secret was sent.
    case wrongCluster
    /// Our clock and the coordinator's are too far apart; nothing secret was sent.
    case clocksApart
    /// The coordinator's certificate is not valid now, though the clocks agree.
    case serverCertificate
    /// The coordinator refused, with this code of `EnrollReply.refused`.
    case refused(String)
    /// The coordinator, or its store, does not answer now. The token may be used again.
    case tryAgain
    /// The coordinator answered that it cannot, and the same request would not change that.
    case failed
    /// What the machine gets to know cannot be written down.
    case cannotStore
    /// The key of a join that was begun here before cannot be read.
    case keyDamaged
    /// The answer is not what it should be.
    case badAnswer
  }

  package let kind: Kind
  package let message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  package var description: String { message }
}
