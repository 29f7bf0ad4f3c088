// swift-tools-version: 6.2
import PackageDescription

// The generator of Sources/BelfryAPI/Generated: not part of the product, built by `make generate`.
let package = Package(
  name: "protoc-gen-belfry",
  platforms: [.macOS(.v15)],
  dependencies: [
    // Exact, so that generating the same schema again changes nothing.
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0")
  ],
  targets: [
    .executableTarget(
      name: "protoc-gen-belfry",
      dependencies: [
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf"),
      ],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .treatAllWarnings(as: .error),
      ])
  ]
)
