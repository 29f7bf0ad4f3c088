internal import OrderedCollections

/// Which coordinators a worker keeps a link to: those at the addresses it was configured with, and those
/// the cluster tells it of. A coordinator has one session with a worker, so of two links that turn out
/// to lead to the same one is closed, or each would end the other's session for ever. And a configured link
/// stands for the coordinator that answered there last, be it away at present.
///
/// A link is named by the first address it was opened with, `host:port`.
package struct LinkPlan: Sendable {
  /// More coordinators than anybody has; what is told beyond is passed over.
  package static let coordinatorsMax = 64
  private static let addressesMax = 8

  package enum Step: Sendable, Equatable {
    /// `host:port`, to be tried in this order.
    case open([String])
    case close(String)
  }

  private struct Link {
    /// Who answered there last, or who is told to.
    var coordinator: NodeName?
    let isConfigured: Bool
    var isWelcome = false
    var wasWelcome = false
  }

  private var links = OrderedDictionary<String, Link>()
  /// Who the last list named; nil: there was none.
  private var listed: Set<NodeName>?
  private var told = OrderedDictionary<NodeName, [String]>()

  /// - Parameter configured: links that somebody else has opened.
  package init(configured: [String] = []) {
    for name in configured { links[name] = Link(isConfigured: true) }
  }

  /// Those that no configured link leads to, for the next start.
  package var learned: [CoordinatorAddress] {
    links.values.compactMap { link in
      guard !link.isConfigured, let name = link.coordinator, let addresses = told[name] else {
        return nil
      }
      return CoordinatorAddress(name: name, addresses: addresses)
    }
  }

  /// A coordinator says which there are, or the start before this one had been told so. One that is not
  /// named stays known while it has a session with us: the list may be older than that.
  package mutating func told(_ list: [CoordinatorAddress]) -> [Step] {
    let list = list.prefix(Self.coordinatorsMax)
    listed = Set(list.map(\.name))
    for item in list { told[item.name] = Array(item.addresses.prefix(Self.addressesMax)) }
    for name in Array(told.keys) where !list.contains(where: { $0.name == name }) {
      if !hasSession(with: name) { told[name] = nil }
    }
    var steps: [Step] = []
    for (name, link) in links.elements where !link.isConfigured && !link.isWelcome {
      let addresses = link.coordinator.flatMap { told[$0] } ?? []
      if !addresses.contains(where: { Self.name(of: $0) == name }) { close(name, &steps) }
    }
    for (coordinator, addresses) in told {
      let names = addresses.map(Self.name)
      guard let first = names.first,
        !links.contains(where: { names.contains($0.key) || $0.value.coordinator == coordinator })
      else { continue }
      links[first] = Link(coordinator: coordinator, isConfigured: false)
      steps.append(.open(names))
    }
    return steps
  }

  /// A session over this link was welcomed.
  package mutating func welcomed(_ name: String, by coordinator: NodeName) -> [Step] {
    guard links[name] != nil else { return [] }
    links[name]?.coordinator = coordinator
    links[name]?.isWelcome = true
    links[name]?.wasWelcome = true
    let other = links.first { $0.key != name && $0.value.coordinator == coordinator }
    guard let other else { return [] }
    var steps: [Step] = []
    let keepsOther = other.value.isConfigured || !(links[name]?.isConfigured ?? false)
    close(keepsOther ? name : other.key, &steps)
    return steps
  }

  /// It has no session any more. One that the list did not name, and that was kept for its session, goes.
  package mutating func ended(_ name: String) -> [Step] {
    links[name]?.isWelcome = false
    guard let link = links[name], !link.isConfigured, let coordinator = link.coordinator,
      let listed, !listed.contains(coordinator)
    else { return [] }
    told[coordinator] = nil
    var steps: [Step] = []
    close(name, &steps)
    return steps
  }

  /// Coordinators with which there is a session.
  package var heard: [NodeName] {
    links.values.compactMap { $0.isWelcome ? $0.coordinator : nil }
  }

  /// Those with which there was one. One that was never reached is not missed: its address may be wrong.
  package var missed: [NodeName] {
    links.values.compactMap { $0.wasWelcome && !$0.isWelcome ? $0.coordinator : nil }
      .filter { !hasSession(with: $0) }
  }

  private func hasSession(with coordinator: NodeName) -> Bool {
    links.values.contains { $0.coordinator == coordinator && $0.isWelcome }
  }

  private mutating func close(_ name: String, _ steps: inout [Step]) {
    links.removeValue(forKey: name)
    steps.append(.close(name))
  }

  /// The names of all links that may be opened to these.
  package static func names(of list: [CoordinatorAddress]) -> [String] {
    list.prefix(coordinatorsMax).flatMap(\.addresses).map(name)
  }

  private static func name(of address: String) -> String {
    address.hasPrefix("https://") ? String(address.dropFirst(8)) : address
  }
}
