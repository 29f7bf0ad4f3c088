/// The names of settings, as in a file: one level, or two with a dot between.
enum SettingKey: String, CaseIterable, Sendable {
  case serverURL = "server.url"
  case identity
  case state
  case lanes
  case queueURL = "queue.url"
  case queuePassword = "queue.password"
  case storeURL = "store.url"
  case storePassword = "store.password"
  case listen = "coordinator.listen"
  case authority = "coordinator.authority"
  case advertise = "coordinator.advertise"
  case certificateLife = "coordinator.certificateLife"
  case socket = "coordinator.socket"
  case socketUsers = "coordinator.socketUsers"
  case attach = "coordinator.attach"
  case workersStore = "coordinator.workersStore"
  case payloadMax = "coordinator.payloadMax"
  case limit = "coordinator.limit"
  case retry = "coordinator.retry"
  case alertSinks = "coordinator.alertSinks"
  case keepOutcomes = "coordinator.keepOutcomes"
  case coordinatorDatagrams = "coordinator.datagrams"
  case coordinatorWait = "coordinator.wait"
  case run = "worker.run"
  case slots = "worker.slots"
  case labels = "worker.labels"
  case workerTimeout = "worker.timeout"
  case resultMax = "worker.resultMax"
  case drain = "worker.drain"
  case workerDatagrams = "worker.datagrams"
  case workerWait = "worker.wait"
  case http = "http.listen"
  case logFormat = "log.format"
  case logLevel = "log.level"
  case logLevels = "log.levels"

  var setting: Setting {
    switch self {
    case .serverURL, .identity, .state, .lanes: shared
    case .queueURL, .queuePassword, .storeURL, .storePassword: parts
    case .run, .slots, .labels, .workerTimeout, .resultMax, .drain, .workerDatagrams, .workerWait:
      worker
    case .http, .logFormat, .logLevel, .logLevels: observed
    case .authority, .advertise, .certificateLife: membership
    default: coordinator
    }
  }

  private var shared: Setting {
    switch self {
    case .serverURL:
      Setting(
        key: self, form: .list, about: "Coordinators: where workers and commands go.",
        example: "https://coord.example:7443", option: "--server", shortVariable: "BELFRY_SERVER")
    case .identity:
      Setting(
        key: self, about: "Folder with ca.pem, identity.pem and identity.key: who this is.",
        example: "/etc/belfry/identity", option: "--identity")
    case .state:
      Setting(
        key: self, about: "Folder for the boot id. Default: the identity's folder.",
        example: "/var/lib/belfry", option: "--state")
    default:
      Setting(
        key: self, form: .list, standard: "default", about: "Lanes to serve.",
        example: "default,reports", option: "--lanes")
    }
  }

  private var parts: Setting {
    switch self {
    case .queueURL:
      Setting(
        key: self, about: "RabbitMQ, amqp:// or amqps://. Leave the password to queue.password.",
        example: "amqps://belfry@mq.example:5671/", option: "--queue")
    case .queuePassword:
      Setting(
        key: self, about: "The password of RabbitMQ's user.", example: "a file queue-password",
        isSecret: true)
    case .storeURL:
      Setting(
        key: self, about: "MongoDB, a replica set. Leave the password to store.password.",
        example: "mongodb://belfry@db.example/belfry?replicaSet=rs0", option: "--store")
    default:
      Setting(
        key: self, about: "The password of MongoDB's user.", example: "a file store-password",
        isSecret: true)
    }
  }

  private var coordinator: Setting {
    switch self {
    case .listen:
      Setting(
        key: self, standard: "0.0.0.0:7443", about: "Where to serve RPC, host:port.",
        example: "10.0.0.5:7443", option: "--listen", shortVariable: "BELFRY_LISTEN")
    case .socket:
      Setting(
        key: self,
        about: "The operators' Unix socket, or off. Default: operator.sock in the state folder.",
        example: "/run/belfry/operator.sock", option: "--socket", shortVariable: "BELFRY_SOCKET")
    case .socketUsers:
      Setting(
        key: self, form: .list,
        about: "Users who are operators there, besides root and the coordinator's own.",
        example: "alice,1000", option: "--socket-user")
    case .attach:
      Setting(
        key: self, form: .items, about: "Foreign queues: QUEUE=KIND[,id=message-id][,lane=LANE].",
        example: "hello=print,id=message-id", option: "--attach")
    case .workersStore:
      Setting(
        key: self, about: "Where workers without a store of their own record outcomes.",
        example: "mongodb://db.example/belfry?replicaSet=rs0", option: "--workers-store",
        shortVariable: "BELFRY_WORKERS_STORE")
    case .payloadMax:
      Setting(
        key: self, form: .number(1...(8 << 20)), standard: "4194304",
        about: "Largest payload of a job, in bytes; at most 8 MiB, for it may wait in MongoDB.",
        example: "1048576", option: "--payload-max", shortVariable: "BELFRY_PAYLOAD_MAX")
    case .limit:
      Setting(
        key: self, form: .items, about: "Limits of connections and calls, NAME=VALUE.",
        example: "idle-time=600000", option: "--limit")
    case .retry:
      Setting(
        key: self, form: .items, about: "Retries of kinds whose jobs do not say it.",
        example: "resize=5,exp:1s:2:1h", option: "--retry")
    case .alertSinks:
      Setting(
        key: self, about: "A file that says where alerts go; see belfry alert test --help.",
        example: "/etc/belfry/sinks", option: "--alert-sinks", shortVariable: "BELFRY_ALERT_SINKS")
    case .keepOutcomes:
      Setting(
        key: self, form: .duration, standard: "30d",
        about: "How long outcomes are kept, and so how long an id is known; at least 1d.",
        example: "90d", option: "--keep-outcomes")
    case .coordinatorDatagrams:
      Setting(
        key: self, form: .choice(["on", "off"]), standard: "on",
        about: "Heartbeats over UDP too, on the port of coordinator.listen.", example: "off",
        option: "--datagrams")
    default:
      Setting(
        key: self, form: .duration, standard: "30s",
        about: "How long RabbitMQ and MongoDB may be away at start.", example: "5m",
        option: "--wait")
    }
  }

  private var membership: Setting {
    switch self {
    case .authority:
      Setting(
        key: self, about: "Folder with the CA, to let machines in. Default: above the identity.",
        example: "/etc/belfry", option: "--authority", shortVariable: "BELFRY_AUTHORITY")
    case .advertise:
      Setting(
        key: self, form: .list,
        about: "Where machines reach the cluster. Default: where the operator did.",
        example: "https://coord.example:7443", option: "--advertise",
        shortVariable: "BELFRY_ADVERTISE")
    default:
      Setting(
        key: self, form: .duration, standard: "7d",
        about:
          "How long certificates are good that are issued here; nodes renew them by themselves.",
        example: "1d", option: "--certificate-life")
    }
  }

  private var worker: Setting {
    switch self {
    case .run:
      Setting(
        key: self, form: .items, about: "Handlers, KIND=command with arguments.",
        example: "shout=tr a-z A-Z", option: "--run", shortVariable: "BELFRY_RUN")
    case .slots:
      Setting(
        key: self, form: .number(1...100_000), about: "Jobs at a time. Default: 2 x cores.",
        example: "8", option: "--slots", shortVariable: "BELFRY_SLOTS")
    case .labels:
      Setting(
        key: self, about: "Labels that jobs may require, key=value with commas between.",
        example: "gpu=a100,zone=b", option: "--labels", shortVariable: "BELFRY_LABELS")
    case .workerTimeout:
      Setting(
        key: self, form: .duration, standard: "30m",
        about: "Longest run of an attempt whose job names none.", example: "2h",
        option: "--timeout")
    case .resultMax:
      Setting(
        key: self, form: .number(1...(1 << 30)), standard: "67108864",
        about: "Largest result of a job, in bytes; above 1 MiB it is kept in chunks.",
        example: "268435456", option: "--result-max", shortVariable: "BELFRY_RESULT_MAX")
    case .drain:
      Setting(
        key: self, form: .duration, standard: "30s",
        about: "How long a leaving worker waits for what runs.", example: "5m", option: "--drain")
    case .workerDatagrams:
      Setting(
        key: self, form: .choice(["on", "off"]), standard: "on",
        about: "Heartbeats over UDP too, to coordinators that offer it.", example: "off",
        option: "--datagrams")
    default:
      Setting(
        key: self, form: .duration,
        about: "Give up when no coordinator is reached for so long at start. Default: never.",
        example: "1m", option: "--wait")
    }
  }

  private var observed: Setting {
    switch self {
    case .http:
      Setting(
        key: self,
        about: "Where to serve /metrics, /healthz and /readyz, host:port. Default: nowhere.",
        example: "127.0.0.1:7480", option: "--http", shortVariable: "BELFRY_HTTP")
    case .logFormat:
      Setting(
        key: self, form: .choice(["console", "json"]),
        about: "Lines for people, or ECS JSON. Default: console on a terminal, else json.",
        example: "json", option: "--log-format")
    case .logLevels:
      Setting(
        key: self, form: .levels, about: "What is logged of single parts, PART=LEVEL.",
        example: "rpc=debug", option: "--log-levels", isLive: true)
    default:
      Setting(
        key: self, form: .choice(Setting.Form.levelNames),
        standard: "info", about: "What is logged.", example: "debug", option: "--log-level",
        isLive: true)
    }
  }
}
