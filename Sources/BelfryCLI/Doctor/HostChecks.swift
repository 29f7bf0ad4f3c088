internal import Foundation

/// The machine: what a node needs of it.
struct HostChecks {
  let state: String
  /// Ports that a node would listen on, with the setting that names each.
  let ports: [(port: Int, key: SettingKey)]

  func all() async -> [DoctorCheck] {
    let state = state
    async let disk = Patience.wait { Self.syncTimes(in: state) }
    async let name = Patience.wait { Self.ownAddresses() }
    let fixed = [
      kernel, cores, memory, swap, openFiles, processes, backlog, entropy, sendBuffer, freeSpace,
      temporary, clock, ipv6, controlGroups, proxies, addressSpaceRandomised,
    ]
    return fixed + ports.map(port) + [hostName(await name), syncTime(await disk)]
  }

  private func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  private func number(_ path: String) -> Int? { text(path).flatMap { Int($0) } }

  private func checkNumber(
    _ name: String, _ path: String, atLeast minimum: Int, fix: String
  ) -> DoctorCheck {
    guard let value = number(path) else { return .skipped(.host, name, "\(path) cannot be read") }
    return .good(value >= minimum, .host, name, "\(value)", fix: fix)
  }

  private var kernel: DoctorCheck {
    let release = text("/proc/sys/kernel/osrelease") ?? ""
    guard let major = release.split(separator: ".").first.flatMap({ Int($0) }) else {
      return .skipped(.host, "kernel", "its release cannot be read")
    }
    return .good(
      major >= 5, .host, "kernel", release, fix: "upgrade the system: Linux 5 or newer is asked for"
    )
  }

  private var cores: DoctorCheck {
    let count = ProcessInfo.processInfo.activeProcessorCount
    return .good(
      count >= 2, .host, "cores", "\(count)", fix: "give it 2: one is enough only for small loads")
  }

  private func meminfo(_ key: String) -> Int? {
    guard
      let line = text("/proc/meminfo")?.split(separator: "\n").first(where: {
        $0.hasPrefix(key + ":")
      })
    else { return nil }
    return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 / 1_024 }
  }

  private var memory: DoctorCheck {
    guard let free = meminfo("MemAvailable") else {
      return .skipped(.host, "memory", "/proc/meminfo cannot be read")
    }
    return .good(
      free >= 512, .host, "memory", "\(free) MiB available",
      fix: "free memory or add some: 512 MiB are asked for")
  }

  private var swap: DoctorCheck {
    guard let total = meminfo("SwapTotal"), let free = meminfo("SwapFree") else {
      return .skipped(.host, "swap", "/proc/meminfo cannot be read")
    }
    return .good(
      total == 0 || free * 2 >= total, .host, "swap", "\(total - free) of \(total) MiB used",
      fix: "find what uses it (vmstat 1): a node that swaps is slow to beat, and may be lost")
  }

  private var openFiles: DoctorCheck {
    var limit = rlimit()
    // RLIMIT_NOFILE, whose type differs between systems.
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return .skipped(.host, "open files", "the limit cannot be read")
    }
    return .good(
      limit.rlim_cur >= 4_096, .host, "open files", "\(limit.rlim_cur) allowed",
      fix: "ulimit -n 65536, or LimitNOFILE=65536 in the unit")
  }

  private var processes: DoctorCheck {
    checkNumber(
      "processes", "/proc/sys/kernel/pid_max", atLeast: 4_096, fix: "sysctl -w kernel.pid_max=32768"
    )
  }

  private var backlog: DoctorCheck {
    checkNumber(
      "listen backlog", "/proc/sys/net/core/somaxconn", atLeast: 1_024,
      fix: "sysctl -w net.core.somaxconn=4096")
  }

  private var entropy: DoctorCheck {
    checkNumber(
      "entropy", "/proc/sys/kernel/random/entropy_avail", atLeast: 200,
      fix: "apt-get install haveged, or give the virtual machine a random device")
  }

  private var sendBuffer: DoctorCheck {
    checkNumber(
      "socket buffers", "/proc/sys/net/core/wmem_max", atLeast: 200_000,
      fix: "sysctl -w net.core.wmem_max=524288")
  }

  private var addressSpaceRandomised: DoctorCheck {
    checkNumber(
      "address randomisation", "/proc/sys/kernel/randomize_va_space", atLeast: 1,
      fix: "sysctl -w kernel.randomize_va_space=2")
  }

  private var freeSpace: DoctorCheck {
    guard
      let values = try? FileManager.default.attributesOfFileSystem(forPath: existing(state)),
      let free = (values[.systemFreeSize] as? NSNumber)?.int64Value
    else { return .skipped(.host, "free disk", "\(state) cannot be looked at") }
    let mebibytes = free >> 20
    let found = "\(mebibytes) MiB in \(existing(state))"
    let fix = "free some space there: 1 GiB is asked for"
    if mebibytes < 100 { return .error(.host, "free disk", found, fix: fix) }
    return .good(mebibytes >= 1_024, .host, "free disk", found, fix: fix)
  }

  private var temporary: DoctorCheck {
    let folder = FileManager.default.temporaryDirectory.path
    return .good(
      access(folder, W_OK) == 0, .host, "temporary folder", folder,
      fix: "mkdir -p \(folder) && chmod 1777 \(folder), or set TMPDIR")
  }

  private var clock: DoctorCheck {
    let year = Calendar(identifier: .gregorian).component(.year, from: Date())
    guard year >= 2_026 else {
      return .error(.host, "clock", "it says \(year)", fix: "set it: timedatectl set-ntp true")
    }
    let marks = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/ntpd.pid"]
    if let mark = marks.first(where: FileManager.default.fileExists) {
      return .ok(.host, "clock", "kept by a time service (\(mark))")
    }
    return .warning(
      .host, "clock", "no time service is seen to keep it",
      fix: "timedatectl set-ntp true; in a container the machine's own clock counts")
  }

  private var ipv6: DoctorCheck {
    let isThere = FileManager.default.fileExists(atPath: "/proc/net/if_inet6")
    return isThere
      ? .ok(.host, "IPv6", "there")
      : .skipped(.host, "IPv6", "not there: only addresses of IPv4 can be used")
  }

  private var controlGroups: DoctorCheck {
    FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
      ? .ok(.host, "control groups", "version 2")
      : .skipped(.host, "control groups", "no version 2: limits of memory are not seen")
  }

  private var proxies: DoctorCheck {
    let environment = ProcessInfo.processInfo.environment
    let set = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].filter {
      !(environment[$0] ?? "").isEmpty
    }
    return set.isEmpty
      ? .ok(.host, "proxies", "none is set")
      : .warning(
        .host, "proxies", "\(set.joined(separator: ", ")) set: Belfry uses none",
        fix: "make a direct way to the coordinator, its broker and its store")
  }

  private func port(_ port: Int, _ key: SettingKey) -> DoctorCheck {
    let name = "port \(port)"
    guard let holder = PortHolder.find(port) else { return .ok(.host, name, "free") }
    return .warning(
      .host, name, "taken\(holder.isEmpty ? "" : " by \(holder)")",
      fix: "stop it, or choose another: \(key.setting.option ?? key.rawValue)")
  }

  private func hostName(_ addresses: Int??) -> DoctorCheck {
    let name = ProcessInfo.processInfo.hostName
    guard let addresses else {
      return .warning(
        .host, "own name", "\(name): no answer from the resolver in 2 s",
        fix: "look at /etc/resolv.conf, and put the name into /etc/hosts")
    }
    return .good(
      (addresses ?? 0) > 0, .host, "own name", "\(name) has \(addresses ?? 0) addresses",
      fix: "echo '127.0.1.1 \(name)' >> /etc/hosts")
  }

  private static func ownAddresses() -> Int? {
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(ProcessInfo.processInfo.hostName, nil, nil, &list) == 0 else { return 0 }
    defer { freeaddrinfo(list) }
    var count = 0
    var next = list
    while let address = next {
      count += 1
      next = address.pointee.ai_next
    }
    return count
  }

  private func syncTime(_ times: [Double]??) -> DoctorCheck {
    guard let times else {
      return .error(
        .host, "disk", "no write was synced within 2 s",
        fix: "look for what keeps the disk busy: iostat -x 1")
    }
    guard let times, let worst = times.max() else {
      return .skipped(.host, "disk", "\(existing(state)) cannot be written")
    }
    let found = String(format: "a synced write takes %.1f ms at most, of %d", worst, times.count)
    return .good(
      worst <= 50, .host, "disk", found,
      fix: "use a faster disk for state, RabbitMQ and MongoDB: each job waits for two such writes")
  }

  /// Milliseconds of small synced writes; nil where nothing can be written.
  private static func syncTimes(in folder: String) -> [Double]? {
    let path = folder + "/.belfry-doctor-\(getpid())"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return nil }
    defer {
      close(descriptor)
      unlink(path)
    }
    let block = [UInt8](repeating: 0, count: 4_096)
    return (0..<20).map { _ in
      let start = ContinuousClock.now
      _ = write(descriptor, block, block.count)
      fsync(descriptor)
      return (ContinuousClock.now - start) / .milliseconds(1)
    }
  }

  /// The folder, or the nearest above it that is there.
  private func existing(_ path: String) -> String {
    var path = path
    while path.count > 1, !FileManager.default.fileExists(atPath: path) {
      path = (path as NSString).deletingLastPathComponent
    }
    return path.isEmpty ? "." : path
  }
}

/// Who listens on a port, from /proc.
enum PortHolder {
  /// Nil: nobody. Empty: somebody whose process we may not see.
  static func find(_ port: Int) -> String? {
    let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners(in: $0, port) }
    guard !inodes.isEmpty else { return nil }
    let wanted = Set(inodes.map { "socket:[\($0)]" })
    // Processes of others cannot be looked into: they are passed over.
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    for process in processes where Int(process) != nil {
      let folder = "/proc/\(process)/fd"
      for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        guard
          let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: folder + "/" + file),
          wanted.contains(target)
        else { continue }
        let data = FileManager.default.contents(atPath: "/proc/\(process)/comm") ?? Data()
        let name = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
        return "\(name) (pid \(process))"
      }
    }
    return ""
  }

  private static func listeners(in path: String, _ port: Int) -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    let wanted = ":" + String(format: "%04X", port)
    return String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst().compactMap {
      let words = $0.split(separator: " ")
      // 0A is LISTEN.
      guard words.count > 9, words[1].hasSuffix(wanted), words[3] == "0A" else { return nil }
      return String(words[9])
    }
  }
}
