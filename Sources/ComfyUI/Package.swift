// swift-tools-version: 6.2
import PackageDescription

// A package of its own for the same reason as PluginAPI: one copy of its types for all plugins.
let package = Package(
    name: "ComfyUI",
    products: [
        .library(
            name: "ComfyUI",
            type: Context.environment["COMFYD_STATIC"] == nil ? .dynamic : .static,
            targets: ["ComfyUI"]
        )
    ],
    dependencies: [.package(path: "../PluginAPI")],
    targets: [
        .target(
            name: "ComfyUI",
            dependencies: [.product(name: "PluginAPI", package: "PluginAPI")],
            path: ".",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .unsafeFlags(["-enable-library-evolution", "-no-verify-emitted-module-interface"]),
            ],
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-soname", "-Xlinker", "libComfyUI.so"], .when(platforms: [.linux]))
            ]
        )
    ]
)
