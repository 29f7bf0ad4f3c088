internal import BelfryCoordinator
internal import BelfryCore

/// What a node says of itself on its listener: readiness in words, and numbers.
struct NodeLook: Sendable {
  /// Why it is not ready; empty: it is.
  var unready: [String]
  var families: [MetricFamily]
  /// One series a node: kept apart, for a cluster may have many.
  var perNode: [MetricFamily] = []
  /// Likewise of lanes, what is more than one number each.
  var perLane: [MetricFamily] = []
}

extension NodeLook {
  static let starting = NodeLook(unready: ["it is starting"], families: [])

  init(_ look: Coordinator.Look) {
    let picture = look.picture
    let parts = picture.parts.filter { $0.state != "up" }.map { "\($0.name): \($0.reason)" }
    let isLeaving = picture.nodes.first { $0.role == "coordinator" }?.state == "draining"
    unready = parts + (isLeaving ? ["it is leaving"] : [])
    families =
      Self.lanes(picture) + [Self.ages(look.lanes)]
      + Self.times([(look.lanes, [])]) + Self.nodes(picture) + Self.alerts(picture)
      + [Self.certificates(picture, "coordinator")]
      + picture.parts.map { part in
        MetricFamily(
          "belfry_\(part.name)_up", .gauge,
          part.name == "broker" ? "Whether RabbitMQ can be used." : "Whether MongoDB can be used.",
          part.state == "up" ? 1 : 0)
      }
    perNode = Self.perNode(picture)
    perLane = Self.times(look.lanes.map { ([$0], [("lane", $0.lane.text)]) })
  }

  init(_ status: WorkerStatus) {
    unready =
      status.isDraining
      ? ["it is leaving"] : status.sessions == 0 ? ["no coordinator has welcomed it"] : []
    families = [
      MetricFamily(
        "belfry_worker_slots", .gauge, "Jobs that may run at a time.", Double(status.slots)),
      MetricFamily(
        "belfry_worker_running_jobs", .gauge, "Slots that are taken.", Double(status.running)),
      MetricFamily(
        "belfry_worker_sessions", .gauge, "Coordinators that have welcomed this worker.",
        Double(status.sessions)),
    ]
  }

  private static func lanes(_ picture: HealthPicture) -> [MetricFamily] {
    let columns: [(String, MetricFamily.Kind, String, (HealthPicture.LaneItem) -> Int)] = [
      ("belfry_lane_ready_jobs", .gauge, "Jobs in RabbitMQ, not with a coordinator.", { $0.ready }),
      (
        "belfry_lane_waiting_jobs", .gauge, "Jobs with this coordinator, not running.",
        { $0.waiting }
      ),
      ("belfry_lane_running_jobs", .gauge, "Jobs that run.", { $0.running }),
      (
        "belfry_lane_parked_jobs", .gauge, "Jobs that no worker can take at present.", { $0.parked }
      ),
      ("belfry_lane_paused", .gauge, "Whether the lane is paused.", { $0.pause == nil ? 0 : 1 }),
      (
        "belfry_jobs_finished_total", .counter,
        "Outcomes announced by this coordinator since it started.", { $0.finished }
      ),
      (
        "belfry_jobs_failed_total", .counter,
        "Of those, the ones that did not succeed.", { $0.failed }
      ),
    ]
    return columns.map { name, kind, help, value in
      var family = MetricFamily(name, kind, help)
      for lane in picture.lanes { family.add(value(lane), ("lane", lane.name.text)) }
      return family
    }
  }

  private static func ages(_ lanes: [LaneTimes]) -> MetricFamily {
    var family = MetricFamily(
      "belfry_lane_oldest_job_age_seconds", .gauge,
      "How long the first of the jobs that this coordinator holds and does not run has waited.")
    for lane in lanes { family.add(lane.oldestAge / .seconds(1), ("lane", lane.lane.text)) }
    return family
  }

  /// The histograms of jobs, each group of lanes added up to one series.
  private static func times(
    _ groups: [(lanes: [LaneTimes], labels: [(name: String, value: String)])]
  ) -> [MetricFamily] {
    var waits = MetricFamily(
      "belfry_job_wait_seconds", .histogram,
      "From when a job could have run until it was first given to a worker.")
    var runs = MetricFamily(
      "belfry_job_run_seconds", .histogram,
      "How long the runs of jobs took that this coordinator gave out, failed ones too.")
    for group in groups {
      waits.add(group.lanes.map(\.waits), group.labels)
      runs.add(group.lanes.map(\.runs), group.labels)
    }
    return [waits, runs]
  }

  private static func nodes(_ picture: HealthPicture) -> [MetricFamily] {
    let workers = picture.nodes.filter { $0.role == "worker" }
    var nodes = MetricFamily("belfry_nodes", .gauge, "Nodes that this coordinator knows, by state.")
    for role in ["coordinator", "worker"] {
      for state in HealthPicture.Node.statesInSession + ["lost", "left"] {
        let count = picture.nodes.count { $0.role == role && $0.state == state }
        nodes.add(count, ("role", role), ("state", state))
      }
    }
    let present = workers.filter(\.isInSession)
    return [
      nodes,
      MetricFamily(
        "belfry_slots", .gauge, "Slots of workers in session.",
        Double(present.reduce(0) { $0 + $1.slots })),
      MetricFamily(
        "belfry_slots_taken", .gauge, "Of those, the ones that are taken.",
        Double(present.reduce(0) { $0 + $1.running })),
    ]
  }

  private static func alerts(_ picture: HealthPicture) -> [MetricFamily] {
    var family = MetricFamily("belfry_alerts_firing", .gauge, "Alerts that fire, by rule.")
    let groups = Dictionary(grouping: picture.alerts) { "\($0.rule)/\($0.severity)" }
    for (_, alerts) in groups.sorted(by: { $0.key < $1.key }) {
      guard let first = alerts.first else { continue }
      family.add(
        alerts.count, ("rule", "\(first.rule)"), ("severity", "\(first.severity)"))
    }
    return family.samples.isEmpty ? [] : [family]
  }

  /// With the coordinator's the CA's.
  private static func certificates(_ picture: HealthPicture, _ role: String) -> MetricFamily {
    var family = MetricFamily(
      "belfry_certificate_expiry_timestamp_seconds", .gauge, "When a certificate ends, Unix time.")
    for node in picture.nodes where node.role == role {
      guard let end = node.certificateExpires else { continue }
      family.add(Double(end.milliseconds / 1_000), ("role", role), ("node", node.name))
    }
    if role == "coordinator", let end = picture.authorityExpires {
      let node = ClusterCore.authoritySubject
      family.add(Double(end.milliseconds / 1_000), ("role", "ca"), ("node", node))
    }
    return family
  }

  private static func perNode(_ picture: HealthPicture) -> [MetricFamily] {
    var age = MetricFamily(
      "belfry_node_heartbeat_age_seconds", .gauge, "How long ago the worker was heard.")
    var slots = MetricFamily("belfry_node_slots", .gauge, "The worker's slots.")
    var running = MetricFamily("belfry_node_running_jobs", .gauge, "The worker's slots in use.")
    for node in picture.nodes where node.role == "worker" {
      age.add(node.heartbeatAge / .seconds(1), ("node", node.name))
      slots.add(node.slots, ("node", node.name))
      running.add(node.running, ("node", node.name))
    }
    return [age, slots, running, certificates(picture, "worker")].filter { !$0.samples.isEmpty }
  }
}

extension MetricFamily {
  fileprivate mutating func add(
    _ counts: [DurationCounts], _ labels: [(name: String, value: String)]
  ) {
    let bounds = DurationCounts.bounds.map { $0 / .seconds(1) }
    let sums = (0...bounds.count).map { index in counts.reduce(0) { $0 + $1.counts[index] } }
    let sum = counts.reduce(Duration.zero) { $0 + $1.sum } / .seconds(1)
    add(sums, below: bounds, sum: sum, labels)
  }
}
