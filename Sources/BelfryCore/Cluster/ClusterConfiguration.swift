/// What a coordinator's core is told once.
package struct ClusterConfiguration: Sendable {
  package var name: NodeName
  package var boot: BootID
  package var lanes: [Lane]
  /// Where workers without a store of their own record; nil: the coordinator records for them.
  package var storeForWorkers: String?
  /// How long a delivery is held before a copy takes its place: well before RabbitMQ's consumer
  /// timeout (30 min), which would close the channel and requeue everything on it.
  package var holdMax: Duration = .seconds(20 * 60)
  /// How long a job waits for a worker of its kind and labels before it is parked.
  package var parkAfter: Duration = .seconds(5)
  /// When a job is looked at again whose losses are not yet proven: it waits that long in the store.
  package var lookAgainAfter: Duration = .seconds(30)
  /// A worker that stays away so long is forgotten; its losses are then proven.
  package var forgetAfter: Duration = .seconds(600)

  /// What people call broker and store.
  package var brokerName = "RabbitMQ"
  package var storeName = "MongoDB"
  /// The coordinator's own certificate, and its CA's; nil: nobody watches it.
  package var certificate: CertificateLife?
  package var authority: CertificateLife?
  /// Where workers and people reach this coordinator, `https://host:port`; empty: nobody has said it.
  package var addresses: [String] = []
  package var software = ""
  /// Of kinds whose jobs do not say it themselves.
  package var retryPolicies: [Kind: RetryPolicy] = [:]

  package init(name: NodeName, boot: BootID, lanes: [Lane], storeForWorkers: String? = nil) {
    self.name = name
    self.boot = boot
    self.lanes = lanes
    self.storeForWorkers = storeForWorkers
  }

  func retryPolicy(of job: Job) -> RetryPolicy {
    job.retry.policy(over: retryPolicies[job.kind] ?? .default)
  }
}
