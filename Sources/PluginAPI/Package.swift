// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because SwiftPM links the targets of one package statically into
// every product and only a product of another package dynamically: the types of PluginAPI
// must exist once in the process.
let package = Package(
    name: "PluginAPI",
    products: [
        .library(
            name: "PluginAPI",
            // COMFYD_STATIC=1 goes with `--traits StaticPlugins --static-swift-stdlib`: one file, no plugins from outside.
            type: Context.environment["COMFYD_STATIC"] == nil ? .dynamic : .static,
            targets: ["PluginAPI", "CPluginABI"]
        )
    ],
    targets: [
        .target(name: "CPluginABI", path: "CPluginABI"),
        .target(
            name: "PluginAPI",
            dependencies: ["CPluginABI"],
            path: ".",
            exclude: ["CPluginABI"],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                // Resilient layout, so that older plugins keep working; the interface check does not see
                // the module map of CPluginABI.
                .unsafeFlags(["-enable-library-evolution", "-no-verify-emitted-module-interface"]),
            ],
            linkerSettings: [
                // SwiftPM's native build sets no SONAME.
                .unsafeFlags(["-Xlinker", "-soname", "-Xlinker", "libPluginAPI.so"], .when(platforms: [.linux]))
            ]
        ),
    ]
)
