// swift-tools-version: 6.2
import PackageDescription

/// Every folder of Plugins/ named here becomes lib<Name>.so.
let plugins = ["Agents", "Alerts", "Catalogs", "Gateway", "Simulator", "Workflows"]
/// Those that talk to a ComfyUI server.
let comfyClients: Set = ["Catalogs", "Gateway", "Workflows"]

/// Documents that plugins show also where no file of them is installed.
let embedded = ["Agents": ["agent-protocol.md"]]

// Products of *other* packages, the one kind of dependency SwiftPM links dynamically: their types
// exist once in the process. Never depend on these sources in any other way.
let api: Target.Dependency = .product(name: "PluginAPI", package: "PluginAPI")
let comfy: Target.Dependency = .product(name: "ComfyUI", package: "ComfyUI")

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

func linker(_ flags: String...) -> LinkerSetting {
    .unsafeFlags(flags.flatMap { ["-Xlinker", $0] }, .when(platforms: [.linux]))
}

func system(_ name: String, _ pkgConfig: String?, _ package: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/Host/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

func plugin(_ name: String) -> Target {
    .target(
        name: name,
        dependencies: [api] + (comfyClients.contains(name) ? [comfy] : []),
        path: "Plugins/\(name)",
        exclude: ["README.md"],
        resources: (embedded[name] ?? []).map { .embedInCode($0) },
        swiftSettings: settings,
        // Found from lib/comfyd/plugins; never unmapped; no symbol left open, but those of a sanitizer's runtime.
        linkerSettings: [linker("-rpath=$ORIGIN/.."), linker("-z", "nodelete")]
            + (Context.environment["COMFYD_SANITIZE"] == nil ? [linker("-z", "defs")] : [])
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + [api], path: "Tests/\(name)", exclude: exclude,
        swiftSettings: settings)
}

let package = Package(
    name: "comfyd",
    products: [.executable(name: "comfyd", targets: ["comfyd"])]
        + plugins.map { .library(name: $0, type: .dynamic, targets: [$0]) },
    traits: [
        .trait(name: "StaticPlugins", description: "Link the plugins into comfyd instead of loading them")
    ],
    dependencies: [.package(path: "Sources/PluginAPI"), .package(path: "Sources/ComfyUI")],
    targets: [
        .executableTarget(
            name: "comfyd",
            dependencies: ["Host", api]
                + plugins.map { .target(name: $0, condition: .when(traits: ["StaticPlugins"])) },
            path: "Sources/comfyd",
            swiftSettings: settings,
            linkerSettings: [linker("-rpath=$ORIGIN/../lib/comfyd")]
        ),
        .target(
            name: "Host",
            dependencies: [
                api, "CMicrohttpd", "CCurl", "CWslay", "CYAML", "CSQLite", "COpenSSL", "CLinux",
            ],
            path: "Sources/Host",
            exclude: ["System"],
            swiftSettings: settings
        ),
        system("CMicrohttpd", "libmicrohttpd", "libmicrohttpd-dev"),
        system("CCurl", "libcurl", "libcurl4-openssl-dev"),
        system("CWslay", nil, "libwslay-dev"),
        system("CYAML", "yaml-0.1", "libyaml-dev"),
        system("CSQLite", "sqlite3", "libsqlite3-dev"),
        system("COpenSSL", "libcrypto", "libssl-dev"),
        system("CLinux", nil, "libc6-dev"),
        .target(
            name: "PluginTestKit", dependencies: ["Host", api], path: "Tests/PluginTestKit", swiftSettings: settings),
        .systemLibrary(
            name: "CJansson", path: "Tests/CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
        tests("PluginAPITests", ["CJansson"]),
        tests("HostTests", ["Host", "PluginTestKit"]),
        tests("SimulatorTests", ["Simulator", "Host", "PluginTestKit"], exclude: ["Recordings"]),
        tests("ComfyUITests", ["Simulator", "Host", "PluginTestKit", comfy]),
        tests("AgentsTests", ["Agents", "Host", "PluginTestKit"]),
        tests("AlertsTests", ["Alerts", "Host", "PluginTestKit"]),
        tests("CatalogsTests", ["Catalogs", "Host", "PluginTestKit", comfy]),
        tests("GatewayTests", ["Gateway", "Host", "PluginTestKit", comfy]),
        tests("WorkflowsTests", ["Workflows", "Host", "PluginTestKit", comfy]),
        tests("EndToEndTests", ["PluginTestKit"], exclude: ["Scripts"]),
    ] + plugins.map(plugin)
)
