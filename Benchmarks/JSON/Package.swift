// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building comfyd does not need jansson.
let package = Package(
    name: "json-benchmark",
    dependencies: [.package(path: "../../Sources/PluginAPI")],
    targets: [
        .systemLibrary(name: "CJansson", path: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
        .executableTarget(
            name: "JSONBenchmark", dependencies: ["CJansson", .product(name: "PluginAPI", package: "PluginAPI")]),
    ]
)
