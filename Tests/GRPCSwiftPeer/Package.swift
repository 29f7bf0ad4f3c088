// swift-tools-version: 6.2
import PackageDescription

/// grpc-swift-2 as a foreign peer of Belfry's RPC layer: for `make peers` and the benchmarks. A package
/// of its own, so that none of its dependencies is one of Belfry's.
let package = Package(
  name: "grpc-swift-peer",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
  ],
  targets: [
    .executableTarget(
      name: "grpc-swift-peer",
      dependencies: [
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
      ], path: "Sources")
  ]
)
