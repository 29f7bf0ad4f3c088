internal import BelfryCore
internal import Foundation

/// What a node says of itself on its listener: readiness in words, and numbers.
struct NodeLook: Sendable {
  /// Why it is not ready; empty: it is.
  var unready: [String]
  var families: [MetricFamily]
  /// One series a node: kept apart, for a cluster may have many.
  var perNode: [MetricFamily] = []
}

extension NodeLook {
  static let starting = NodeLook(unready: ["it is starting"], families: [])

  init(_ picture: HealthPicture) {
    let parts = picture.parts.filter { $0.state != "up" }.map { "\($0.name): \($0.reason)" }
    let isLeaving = picture.nodes.first { $0.role == "coordinator" }?.state == "draining"
    unready = parts + (isLeaving ? ["it is leaving"] : [])
    families =
      Self.lanes(picture) + Self.nodes(picture) + Self.alerts(picture)
      + [Self.certificates(picture, "coordinator")]
      + picture.parts.map { part in
        MetricFamily(
          "belfry_\(part.name)_up", .gauge,
          part.name == "broker" ? "Whether RabbitMQ can be used." : "Whether MongoDB can be used.",
          part.state == "up" ? 1 : 0)
      }
    perNode = Self.perNode(picture)
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

/// The process, by the names that every Prometheus client has.
enum ProcessMetrics {
  static func families(version: String) -> [MetricFamily] {
    var build = MetricFamily("belfry_build_info", .gauge, "The release that runs.")
    build.add(1, ("version", version))
    var families = [build]
    if let usage = usage() {
      families.append(
        MetricFamily(
          "process_cpu_seconds_total", .counter, "Processor time, of user and system.", usage))
    }
    if let pages = number(in: "/proc/self/statm", at: 1) {
      families.append(
        MetricFamily(
          "process_resident_memory_bytes", .gauge, "Memory that is in use.",
          Double(pages) * Double(sysconf(Int32(_SC_PAGESIZE)))))
    }
    // Not there on other systems: then the number is left out.
    if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
      families.append(
        MetricFamily("process_open_fds", .gauge, "Open file descriptors.", Double(files.count)))
    }
    families.append(
      MetricFamily(
        "process_start_time_seconds", .gauge, "When the process started, Unix time.", started))
    return families
  }

  /// Read when first asked for, at the start of a listener.
  static let started = Date().timeIntervalSince1970.rounded(.down)

  private static func usage() -> Double? {
    guard let data = FileManager.default.contents(atPath: "/proc/self/stat") else { return nil }
    // The second field is the program's name in brackets, and may hold anything.
    let text = String(decoding: data, as: UTF8.self)
    let words = text.split(separator: ")").last?.split(separator: " ") ?? []
    guard words.count > 12, let user = Double(words[11]), let system = Double(words[12]) else {
      return nil
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func number(in path: String, at index: Int) -> Int? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    let words = String(decoding: data, as: UTF8.self).split(separator: " ")
    return words.indices.contains(index) ? Int(words[index]) : nil
  }
}
