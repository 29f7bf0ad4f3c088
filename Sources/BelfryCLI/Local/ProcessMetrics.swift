internal import Foundation

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
