package import BelfryCore

#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// Holds up who tries tokens that there are not: a few wrong ones a network, then one each 12 s. Each try
/// is paid for before it is looked at, so that many at once gain nothing; a right one gets it back. Pure;
/// time is a parameter.
package struct GuessLimit {
  static let burst = 5.0
  static let perSecond = 5.0 / 60
  /// Networks remembered; past it those that have paid are forgotten, then all that do not ask now.
  package static let networksMax = 10_000

  package enum Verdict: Equatable {
    /// Paid for: `settle` has to follow.
    case go
    /// All that is left is in the hands of tries under way: when one is settled, ask again.
    case busy
    case wait(Duration)
  }

  private struct Account {
    var left: Double
    var at: Instant
    var underWay = 0
  }

  private var accounts: [String: Account] = [:]

  package init() {}

  package var count: Int { accounts.count }

  /// Who pays: an IPv4 address, or the /64 that an IPv6 address is in, of which one machine has all.
  package static func network(of address: String) -> String {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard inet_pton(AF_INET6, address, &bytes) == 1 else { return address }
    if bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255] {
      return bytes.suffix(4).map(String.init).joined(separator: ".")
    }
    return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") + "/64"
  }

  package mutating func begin(_ network: String, at now: Instant) -> Verdict {
    if accounts[network] == nil, accounts.count >= Self.networksMax { forget(at: now) }
    var account = accounts[network] ?? Account(left: Self.burst, at: now)
    let left = Self.left(account, at: now)
    guard left - Double(account.underWay) >= 1 else {
      return account.underWay > 0 ? .busy : .wait(.seconds((1 - left) / Self.perSecond))
    }
    account.underWay += 1
    accounts[network] = account
    return .go
  }

  /// A try is over.
  package mutating func settle(_ network: String, wasWrong: Bool, at now: Instant) {
    guard var account = accounts[network] else { return }
    account.underWay -= 1
    if wasWrong {
      account.left = max(0, Self.left(account, at: now) - 1)
      account.at = now
    }
    accounts[network] = account.underWay == 0 && account.left >= Self.burst ? nil : account
  }

  private mutating func forget(at now: Instant) {
    accounts = accounts.filter {
      $0.value.underWay > 0 || Self.left($0.value, at: now) < Self.burst
    }
    if accounts.count >= Self.networksMax { accounts = accounts.filter { $0.value.underWay > 0 } }
  }

  private static func left(_ account: Account, at now: Instant) -> Double {
    let seconds = Double((now - account.at).millisecondsClamped) / 1_000
    return min(burst, account.left + max(0, seconds) * perSecond)
  }
}
