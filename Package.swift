// swift-tools-version: 6.2
import PackageDescription

/// Settings of every target: language mode 6, explicit `any`, explicit imports, no warnings.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Targets that touch C say where: "where is the danger" is a search for `unsafe`.
let wrapperSettings = settings + [.strictMemorySafety()]

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let nio: [Target.Dependency] = [
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOPosix", package: "swift-nio"),
]
let lifecycle: Target.Dependency = .product(
  name: "ServiceLifecycle", package: "swift-service-lifecycle")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let collections: [Target.Dependency] = [
  .product(name: "DequeModule", package: "swift-collections"),
  .product(name: "OrderedCollections", package: "swift-collections"),
  .product(name: "HeapModule", package: "swift-collections"),
]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], wraps: Bool = false,
  adding added: [SwiftSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies,
    swiftSettings: (wraps ? wrapperSettings : settings) + added)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
  -> Target
{
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// The fuzz targets: functions that ordinary tests call with the kept corpus; with BELFRY_FUZZ set
/// (`make fuzz`) the program that libFuzzer drives instead, built with its counters.
let fuzzed: [Target.Dependency] = [
  "BelfryCore", "BelfryWire", "BelfryNet", "BelfryRPC", "BelfryAPI", "BelfryCoordinator", protobuf,
  .product(name: "NIOCore", package: "swift-nio"),
]
let fuzzTargets: Target =
  Context.environment["BELFRY_FUZZ"] == nil
  ? .testTarget(
    name: "BelfryFuzzTests", dependencies: fuzzed, exclude: ["Fuzzer", "corpus"],
    swiftSettings: settings)
  : .executableTarget(
    name: "belfry-fuzz", dependencies: fuzzed, path: "Tests/BelfryFuzzTests",
    exclude: ["CorpusTests.swift", "corpus"], swiftSettings: settings)

let package = Package(
  name: "belfry",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Belfry", targets: ["Belfry"]),
    .executable(name: "belfry", targets: ["BelfryCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CGlibc"),
    .systemLibrary(
      name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
    .systemLibrary(
      name: "CMongoC", pkgConfig: "libmongoc-1.0", providers: [.apt(["libmongoc-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    library("BelfryCore", collections),
    // Lifetimes: the reader is a type of our own that may not outlive the bytes it borrows.
    library("BelfryWire", adding: [.enableExperimentalFeature("Lifetimes")]),
    library("BelfryNet", ["COpenSSL", "CNghttp2", log] + nio, wraps: true),
    library("BelfryRPC", ["BelfryWire", "BelfryNet", "CZlib", log, metrics] + nio, wraps: true),
    library(
      "BelfryAPI", ["BelfryWire", "BelfryRPC", "BelfryCore", "BelfryIdentity", protobuf] + nio),
    library("BelfryRabbitMQ", ["BelfryCore", "CRabbitMQ"], wraps: true),
    library("BelfryMongo", ["BelfryCore", "CMongoC"], wraps: true),
    library(
      "BelfryEmbedded",
      ["BelfryCore", "CSQLite", .product(name: "DequeModule", package: "swift-collections")],
      wraps: true),
    library("BelfryIdentity", ["COpenSSL"], wraps: true),
    library(
      "BelfryCoordinator",
      [
        "BelfryCore", "BelfryWire", "BelfryAPI", "BelfryRPC", "BelfryNet", "BelfryIdentity", log,
        lifecycle, metrics, protobuf, "CGlibc", .product(name: "NIOHTTP1", package: "swift-nio"),
      ] + nio),
    library(
      "BelfryWorker",
      [
        "BelfryCore", "BelfryWire", "BelfryAPI", "BelfryRPC", "BelfryNet", "BelfryIdentity",
        "CGlibc", log, lifecycle,
      ] + nio),
    library(
      "Belfry",
      [
        "BelfryCore", "BelfryAPI", "BelfryRPC", "BelfryNet", "BelfryWorker", "BelfryIdentity",
        "BelfryMongo", log,
      ] + nio),
    .executableTarget(
      name: "BelfryCLI",
      dependencies: [
        "Belfry", "BelfryCore", "BelfryAPI", "BelfryRPC", "BelfryNet", "BelfryCoordinator",
        "BelfryWorker", "BelfryIdentity", "BelfryRabbitMQ", "BelfryMongo", "BelfryEmbedded", log,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "Yams", package: "Yams"),
        .product(name: "NIOHTTP1", package: "swift-nio"), metrics,
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ] + nio,
      swiftSettings: settings),
    library("BelfryTestKit", ["BelfryCore", "CGlibc"] + collections),
    .executableTarget(
      name: "belfry-sim",
      dependencies: [
        "BelfryCore", "BelfryTestKit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: settings),
    .executableTarget(
      name: "belfry-bench",
      dependencies: [
        "Belfry", "BelfryCore", "BelfryAPI", "BelfryRPC", "BelfryNet", "BelfryIdentity",
        "BelfryRabbitMQ", "BelfryMongo", "BelfryWire", protobuf,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ] + nio, swiftSettings: settings),
    .executableTarget(
      name: "sdk-producer", dependencies: ["Belfry"], path: "examples/sdk-producer",
      swiftSettings: settings),
    .executableTarget(
      name: "sdk-worker",
      dependencies: [
        "Belfry", log, lifecycle,
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ], path: "examples/sdk-worker",
      swiftSettings: settings),
    .executableTarget(
      name: "sdk-operator", dependencies: ["Belfry"], path: "examples/sdk-operator",
      swiftSettings: settings),

    tests(
      "BelfryCoreTests", ["BelfryCore", "BelfryTestKit"],
      resources: [.copy("Transcripts"), .copy("KeptRuns.txt")]),
    tests("BelfryWireTests", ["BelfryWire"]),
    tests(
      "BelfryRPCTests",
      [
        "BelfryRPC", "BelfryNet", "BelfryWire", "BelfryIdentity", "BelfryTestKit", log, metrics,
      ] + nio,
      resources: [.copy("Peers")]),
    tests(
      "BelfryAPITests",
      [
        "BelfryAPI", "BelfryWire", "BelfryCore", "BelfryRPC", "BelfryNet", protobuf, log,
      ] + nio),
    tests("BelfryIdentityTests", ["BelfryIdentity"]),
    tests(
      "BelfryPortsTests",
      ["BelfryCore", "BelfryTestKit", "BelfryRabbitMQ", "BelfryMongo", "BelfryEmbedded"]),
    tests(
      "BelfryCoordinatorTests",
      [
        "BelfryCore", "BelfryCoordinator", "BelfryAPI", "BelfryNet", "BelfryRPC", "BelfryIdentity",
        "BelfryTestKit", log, protobuf,
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ] + nio),
    tests(
      "BelfryWorkerTests",
      [
        "BelfryCore", "BelfryAPI", "BelfryIdentity", "BelfryRPC", "BelfryWorker", "BelfryTestKit",
        log, protobuf,
      ]),
    tests(
      "BelfryCLITests",
      [
        "BelfryCLI", "BelfryAPI", "BelfryRPC", "BelfryTestKit", log, metrics, protobuf,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], resources: [.copy("Errors")]),
    tests("BelfryTidyTests", []),
    fuzzTargets,
    tests(
      "BelfryEndToEndTests",
      [
        "Belfry", "BelfryCore", "BelfryIdentity", "BelfryRabbitMQ", "BelfryMongo", "BelfryTestKit",
      ],
      resources: [.copy("Peers")]),
  ]
)
