// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it compiles the gateway's sources into an executable, to time what no request shows alone.
let package = Package(
    name: "engine-benchmark",
    dependencies: [.package(path: "../../Sources/PluginAPI"), .package(path: "../../Sources/ComfyUI")],
    targets: [
        .executableTarget(
            name: "EngineBenchmark",
            dependencies: [
                .product(name: "PluginAPI", package: "PluginAPI"), .product(name: "ComfyUI", package: "ComfyUI"),
            ],
            exclude: ["Gateway/README.md"],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ])
    ]
)
