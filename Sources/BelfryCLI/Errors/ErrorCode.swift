/// Exit statuses: sysexits, as argument parsing and RabbitMQ use them.
enum Exit: Int32, CaseIterable {
  case bad = 1
  case partly = 2
  case usage = 64
  case badData = 65
  case notFound = 66
  case unavailable = 69
  case bug = 70
  case tryAgain = 75
  case protocolError = 76
  case refused = 77
  case configuration = 78

  var meaning: String {
    switch self {
    case .bad: "done, and the answer is bad"
    case .partly: "done, and some of the answer is bad"
    case .usage: "the command line is wrong"
    case .badData: "what was given is wrong: a payload, a name, a file"
    case .notFound: "there is no such thing"
    case .unavailable: "coordinator, broker or store cannot be reached"
    case .bug: "an error of Belfry's own"
    case .tryAgain: "not now: try again"
    case .protocolError: "the other side is not what it should be"
    case .refused: "the other side says no"
    case .configuration: "the configuration is wrong"
    }
  }
}

/// The stable codes of errors that people see: one here for each there is. `ErrorEntry` says what each
/// means.
enum ErrorCode: String, CaseIterable {
  // The command line and what it names.
  case usage = "BF0001"
  case missingSetting = "BF0101"
  case badSetting = "BF0102"
  case badFile = "BF0103"
  case fileExists = "BF0104"
  case badName = "BF0105"
  case notConfirmed = "BF0106"
  case fileMissing = "BF0107"
  case unknownSetting = "BF0108"
  case badConfigurationFile = "BF0109"
  case noSuchContext = "BF0110"
  case nothingToExplain = "BF0111"
  case addressTaken = "BF0112"
  // Jobs, lanes, schedules.
  case badJob = "BF0201"
  case jobNotFound = "BF0202"
  case payloadTooLarge = "BF0203"
  case ambiguousID = "BF0204"
  case noSuchLane = "BF0205"
  case noSuchSchedule = "BF0206"
  case noResult = "BF0207"
  case notPossible = "BF0208"
  case noSuchQueue = "BF0209"
  // Between this program and a coordinator.
  case unavailable = "BF0301"
  case refused = "BF0302"
  case timeout = "BF0303"
  case notOurProtocol = "BF0304"
  case certificateTime = "BF0305"
  case foreignAuthority = "BF0306"
  case wrongHost = "BF0307"
  // RabbitMQ.
  case brokerUnavailable = "BF0401"
  case brokerRefused = "BF0403"
  case brokerDiffers = "BF0404"
  case brokerNoVirtualHost = "BF0405"
  case brokerBlocked = "BF0406"
  case brokerFeatureOff = "BF0407"
  // MongoDB.
  case storeUnsuitable = "BF0402"
  case storeUnavailable = "BF0411"
  case storeRefused = "BF0412"
  case storeDuplicate = "BF0413"
  case storeNoPrimary = "BF0414"
  // The file of belfry dev.
  case dataInUse = "BF0421"
  case dataUnusable = "BF0422"
  case diskFull = "BF0423"
  // Nodes.
  case wedged = "BF0501"
  case demoFailed = "BF0502"
  case drillFailed = "BF0503"
  case benchFailed = "BF0504"
  case noSuchNode = "BF0611"
  case noSuchToken = "BF0612"
  // Joining.
  case tokenDamaged = "BF0601"
  case tokenUsed = "BF0602"
  case tokenExpired = "BF0603"
  case tokenRevoked = "BF0604"
  case tokenUnknown = "BF0605"
  case wrongCluster = "BF0606"
  case clocksApart = "BF0607"
  case nameTaken = "BF0608"
  case cannotStore = "BF0609"
  // Alerts.
  case noSuchAlert = "BF0701"
  case noSuchSilence = "BF0702"
  case bug = "BF0901"

  var exit: Exit {
    switch self {
    case .usage, .notConfirmed: .usage
    case .badFile, .badName, .badJob, .payloadTooLarge, .fileExists, .ambiguousID,
      .tokenDamaged, .nameTaken:
      .badData
    case .fileMissing, .noSuchContext, .nothingToExplain, .jobNotFound, .noSuchLane,
      .noSuchQueue, .noSuchSchedule, .noResult, .noSuchNode, .noSuchToken, .noSuchAlert,
      .noSuchSilence:
      .notFound
    case .addressTaken, .dataInUse, .diskFull, .unavailable, .brokerUnavailable, .storeUnavailable,
      .storeNoPrimary:
      .unavailable
    case .timeout, .wedged, .drillFailed, .benchFailed, .brokerBlocked, .cannotStore: .tryAgain
    case .notOurProtocol, .foreignAuthority, .wrongHost, .certificateTime, .wrongCluster:
      .protocolError
    case .refused, .notPossible, .brokerRefused, .storeRefused, .tokenUsed, .tokenExpired,
      .tokenRevoked,
      .tokenUnknown:
      .refused
    case .demoFailed: .bad
    case .dataUnusable, .missingSetting, .badSetting, .unknownSetting, .badConfigurationFile,
      .storeUnsuitable, .brokerDiffers, .brokerNoVirtualHost, .brokerFeatureOff, .clocksApart:
      .configuration
    case .storeDuplicate, .bug: .bug
    }
  }
}
