package import PluginAPI

/// What one plugin declared in ``Plugin/configure(_:)`` about its paths.
package struct PluginRoutes: Sendable {
    /// The plugin's name; its mount is `/api/<name>`.
    package let plugin: String
    /// The routes below its mount.
    package let routes: [RouteDeclaration]
    /// The groups outside of it.
    package let rootGroups: [RootGroup]

    /// Takes declarations.
    package init(plugin: String, routes: [RouteDeclaration], rootGroups: [RootGroup] = []) {
        self.plugin = plugin
        self.routes = routes
        self.rootGroups = rootGroups
    }

    /// Takes what a plugin declared.
    package init(plugin: String, setup: PluginSetup) {
        self.init(plugin: plugin, routes: setup.routes.routes, rootGroups: setup.rootGroups)
    }
}

/// Everything that is wrong with the declared routes.
package struct RouteTableError: Error, Sendable, CustomStringConvertible {
    /// One line each, each naming the plugin.
    package let problems: [String]

    /// All problems, one per line.
    package var description: String { problems.joined(separator: "\n") }
}
