/// What `belfry explain CODE` says, with nothing running: when an error comes, and what mends it.
struct ErrorEntry {
  let title: String
  let why: String
  let next: [String]

  init(_ title: String, _ why: String, _ next: String...) {
    self.title = title
    self.why = why
    self.next = next
  }

  init(_ code: ErrorCode) {
    switch code.rawValue.prefix(4) {
    case "BF03": self = Self.connection(code)
    case "BF04": self = Self.parts(code)
    case "BF06": self = Self.membership(code)
    default: self = Self.own(code)
    }
  }

  private static func own(_ code: ErrorCode) -> ErrorEntry {
    switch code {
    case .usage:
      ErrorEntry(
        "the command line is not understood",
        "an option or argument is unknown, is missing, or has a value of the wrong form",
        "belfry COMMAND --help shows what it takes, with examples")
    case .missingSetting:
      ErrorEntry(
        "a setting without a default is not set",
        "neither the command line, the environment, a credential, nor a configuration file has it",
        "the error names the option and the variable: set one of them",
        "belfry config print --origin shows what is set, and where")
    case .badSetting:
      ErrorEntry(
        "a setting has a value that is not accepted",
        "it is of the wrong form, or outside of what is possible",
        "belfry config explain KEY says what is accepted, with an example")
    case .badFile:
      ErrorEntry(
        "a file cannot be used",
        "it is damaged, belongs to something else, or may not be read by this user",
        "the error names the file: look at it and at its owner and mode",
        "an identity is made by: belfry cert issue ROLE NAME --dir DIR")
    case .fileExists:
      ErrorEntry(
        "nothing was written, for there is something already",
        "a key or certificate that is replaced is gone for good",
        "name another folder, or replace it by --force")
    case .badName:
      ErrorEntry(
        "a name breaks its grammar",
        "lanes and nodes are [a-z0-9][a-z0-9-]{0,62}, kinds [A-Za-z0-9._:-]{1,128}, job ids"
          + " [A-Za-z0-9._-]{1,64}",
        "choose a name of that form")
    case .notConfirmed:
      ErrorEntry(
        "nothing was done, for nobody said yes",
        "the command cannot be undone; it asks on a terminal and needs --yes elsewhere",
        "--dry-run says what it would do", "--yes does it")
    case .fileMissing:
      ErrorEntry(
        "a file is not there", "the path is wrong, or it was not made yet",
        "the error names the path: check it, also from which folder it is read")
    case .unknownSetting:
      ErrorEntry(
        "a configuration file has a key that is not known",
        "a misspelt key would be a setting that silently does nothing, so it is refused",
        "the error names line and column, and the key that is likely meant",
        "belfry config explain lists all keys")
    case .badConfigurationFile:
      ErrorEntry(
        "a configuration file cannot be read as YAML",
        "its form is broken; or a value is of another type than the key's: yes, no, on and off are"
          + " no flags here, and texts that look like numbers need quotes",
        "the error names line and column", "belfry config validate FILE checks it again")
    case .noSuchContext:
      ErrorEntry(
        "there is no context of that name",
        "contexts are the clusters this user has given a name to",
        "belfry context list shows them", "belfry context add NAME --server URL --identity DIR")
    case .nothingToExplain:
      ErrorEntry(
        "there is no such code, key or topic", "it is misspelt, or of another release",
        "belfry explain lists what there is")
    case .addressTaken:
      ErrorEntry(
        "it cannot listen where it should",
        "another process has the port, most often another node on this machine; or the address is no"
          + " address of this machine; or the port is below 1024 and this user may not have it",
        "ss -ltnp says who has a port", "choose another port: --listen or --http")
    case .badJob:
      ErrorEntry(
        "the job or request was not accepted", "it breaks a rule, which the error names",
        "mend it and submit it again; nothing was accepted")
    case .jobNotFound:
      ErrorEntry(
        "nobody knows such a job",
        "the id is wrong; or it still waits in RabbitMQ, where it cannot be looked up; or its outcome"
          + " was removed after its time",
        "belfry job list --prefix BEGINNING", "belfry health shows how many wait in each lane")
    case .payloadTooLarge:
      ErrorEntry(
        "the payload is over the limit", "4 MiB unless the coordinator has another --payload-max",
        "put the data elsewhere, and its address into the payload")
    case .ambiguousID:
      ErrorEntry(
        "several jobs have ids that begin so",
        "a beginning is enough only while it is the only one",
        "give more of the id")
    case .noSuchLane:
      ErrorEntry(
        "there is no such lane", "a coordinator serves the lanes of its --lanes and no others",
        "belfry lane list")
    case .noSuchQueue:
      ErrorEntry(
        "the queue is not attached", "nobody has attached it, or its name is misspelt",
        "belfry lane attachments")
    case .noSuchSchedule:
      ErrorEntry(
        "there is no such schedule", "it was removed, or is of another cluster",
        "belfry schedule list")
    case .noSuchAlert:
      ErrorEntry(
        "no such alert fires", "it is over, it is pending still, or its name is misspelt",
        "belfry alert list")
    case .noSuchSilence:
      ErrorEntry(
        "no such silence holds", "it has ended, or its id is misspelt", "belfry alert silences")
    case .noResult:
      ErrorEntry(
        "the job has no result",
        "it has not ended, or not with success: only a job that succeeded has one",
        "belfry job show ID", "belfry job wait ID --timeout 5m")
    case .notPossible:
      ErrorEntry(
        "not possible as things are",
        "the request is right, and the state of the cluster forbids it: a node is revoked already or in session, "
          + "a coordinator has no CA, there are as many schedules or cancels as there may be",
        "the line why says what stands in the way: mend that first")
    case .drillFailed:
      ErrorEntry(
        "the drill could not be carried out",
        "its workers did not come up, a command of yours failed, or another drill is under way; what it"
          + " stopped was started again",
        "belfry health", "run it again with --dry-run, and look at each step")
    case .benchFailed:
      ErrorEntry(
        "the benchmark did not finish",
        "its worker got no jobs, or not all jobs had an outcome in time; what is left expires by itself",
        "belfry health", "run it again with --limit 10m, or with less: --jobs 1000 --rate 20")
    case .demoFailed:
      ErrorEntry(
        "the demo saw something else than it should",
        "a step did not come in time, or a count is wrong; the error says which",
        "run it again on a machine that is not busy", "report it, with the logs that it names")
    case .wedged:
      ErrorEntry(
        "the worker has left by itself",
        "half of its slots were taken by handlers that do not end, even when told to",
        "start it again; systemd does with Restart=on-failure",
        "find the handler in its log, and give its jobs a time-out that it obeys")
    default:
      ErrorEntry(
        "an error of Belfry's own", "something happened that its authors thought impossible",
        "please report it, with what belfry support bundle collects")
    }
  }

  private static func connection(_ code: ErrorCode) -> ErrorEntry {
    switch code {
    case .unavailable:
      ErrorEntry(
        "no coordinator can be reached",
        "nobody listens there, the name or port is wrong, a firewall is between, or the coordinator"
          + " waits for its broker or store",
        "belfry doctor looks at each hop", "on that machine: belfry coordinator run")
    case .refused:
      ErrorEntry(
        "the coordinator refused this certificate",
        "its role may not make this call, or it was revoked, has expired, or is of another CA: the"
          + " coordinator's log says which",
        "issue it anew, by the CA of that cluster: belfry cert issue ROLE NAME --dir DIR --force")
    case .timeout:
      ErrorEntry(
        "no answer in time",
        "the error names the hop, how long was waited, and what was last seen",
        "--timeout 5m waits longer", "belfry health says what is slow or away")
    case .notOurProtocol:
      ErrorEntry(
        "what answers there is no Belfry coordinator of a release that fits",
        "another program has that port, a proxy ends TLS, or the releases are too far apart",
        "check --server", "belfry version on both sides")
    case .certificateTime:
      ErrorEntry(
        "a certificate is not valid at this time",
        "it has expired, or begins in the future: then a clock is wrong, most often",
        "compare the clocks: date -u on both machines",
        "belfry cert issue ROLE NAME --force renews it"
      )
    case .foreignAuthority:
      ErrorEntry(
        "the server's certificate is not of the CA that this identity trusts",
        "the identity is of another cluster, or the cluster's CA was made anew",
        "check --server and --identity: they must be of one cluster",
        "issue the identity anew, by the CA of that cluster")
    default:
      ErrorEntry(
        "a server's certificate is not for the name that was called",
        "it was issued for other names, which the error lists where it can",
        "call it by one of those names, or issue its certificate with this one: --host NAME")
    }
  }

  private static func parts(_ code: ErrorCode) -> ErrorEntry {
    switch code {
    case .dataInUse:
      ErrorEntry(
        "another belfry dev has this folder",
        "a file with queue and store belongs to one process at a time",
        "stop the other one; the error names its process",
        "or use another folder: belfry dev --data DIR")
    case .dataUnusable:
      ErrorEntry(
        "the file of belfry dev cannot be used",
        "it is damaged, is no database of Belfry's, or was made by a newer Belfry",
        "use the release that made it, or restore a copy",
        "or begin anew in another folder: belfry dev --data DIR")
    case .diskFull:
      ErrorEntry(
        "there is no room on the disk",
        "what is accepted must be written there",
        "make room: df -h DIR", "or use another folder: belfry dev --data DIR")
    case .brokerUnavailable:
      ErrorEntry(
        "RabbitMQ or MongoDB cannot be reached",
        "the server is not started, still starts, or the address is wrong",
        "start it, or check --queue and --store", "--wait 5m waits longer")
    case .brokerRefused:
      ErrorEntry(
        "RabbitMQ refused the user",
        "user or password are wrong, or the user may not do this in that virtual host (403)",
        "rabbitmqctl set_permissions -p VHOST USER '^belfry\\..*' '.*' '.*'",
        "guest may connect from the broker's own machine only")
    case .brokerDiffers:
      ErrorEntry(
        "a queue or exchange is there with other arguments",
        "it was made by another program or release (406 PRECONDITION_FAILED); RabbitMQ never changes"
          + " the arguments of what exists",
        "empty it, delete it, and let the coordinator declare it anew",
        "or serve another lane, or use another virtual host")
    case .brokerNoVirtualHost:
      ErrorEntry(
        "RabbitMQ has no such virtual host",
        "the path of --queue names it; a / in its name is written %2F (530 NOT_ALLOWED)",
        "rabbitmqctl add_vhost NAME", "without a path the address means the virtual host /")
    case .brokerBlocked:
      ErrorEntry(
        "RabbitMQ takes no messages at present",
        "it has raised its memory or disk alarm (connection.blocked)",
        "rabbitmq-diagnostics alarms says which; free memory or disk there",
        "nothing is lost: what was confirmed is safe, the rest is sent when the alarm ends")
    case .brokerFeatureOff:
      ErrorEntry(
        "RabbitMQ no longer permits a kind of queue",
        "a queue that is neither durable nor exclusive is off in newer releases"
          + " (541, transient_nonexcl_queues)",
        "declare the foreign queue durable")
    case .storeUnsuitable:
      ErrorEntry(
        "MongoDB cannot keep what Belfry promises",
        "it is no replica set, too old, or its data is of a newer release",
        "mongod --replSet rs0, then rs.initiate() once: one node is enough")
    case .storeUnavailable:
      ErrorEntry(
        "MongoDB cannot be reached",
        "the server is not started, still starts, or the address is wrong",
        "start it, or check --store", "--wait 5m waits longer")
    case .storeRefused:
      ErrorEntry(
        "MongoDB refused the user",
        "user, password or authSource are wrong (18), or the role may not do this (13)",
        "the user needs readWrite on the database: db.grantRolesToUser",
        "authSource=admin, where the user was made there")
    case .storeNoPrimary:
      ErrorEntry(
        "the replica set has no primary that takes writes",
        "an election is under way, or more than half of its members are away",
        "rs.status() says which member is missing", "it is tried again by itself")
    case .storeDuplicate:
      ErrorEntry(
        "MongoDB says that there is such a document already",
        "for outcomes that is how the second writer learns of the first (11000), and no error;"
          + " elsewhere it should not happen",
        "please report it, with what belfry support bundle collects")
    default:
      ErrorEntry("nothing more is known", "there is no entry of that code")
    }
  }
}
