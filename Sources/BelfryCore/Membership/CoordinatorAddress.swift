/// Where a coordinator is reached.
package struct CoordinatorAddress: Sendable, Equatable {
  package var name: NodeName
  /// `https://host:port`, to be tried in this order.
  package var addresses: [String]

  package init(name: NodeName, addresses: [String]) {
    self.name = name
    self.addresses = addresses
  }
}
