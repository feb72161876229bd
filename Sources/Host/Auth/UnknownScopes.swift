import PluginAPI

/// Tells an operator of scopes that open nothing.
package enum UnknownScopes {
    /// A sentence for each scope that no route asks for; none when no route asks for any.
    ///
    /// The scopes that every new key gets are known whatever plugins are enabled. What follows a colon is a plugin's own affair: handlers look for `jobs:all` where a route asks for `jobs`.
    package static func warnings(_ scopes: [String], declared: Set<String>) -> [String] {
        guard !declared.isEmpty else { return [] }
        let known = declared.union(NewAPIKey.defaultScopes)
        let families = Set(known.map(family))
        let names = known.sorted().joined(separator: ", ")
        return scopes.filter { !families.contains(family($0)) }.map { scope in
            "no route of the enabled plugins asks for the scope \"\(scope)\"; known are: \(names)"
        }
    }

    private static func family(_ scope: String) -> Substring {
        scope.prefix { $0 != ":" }
    }
}

extension RouteTable {
    /// The scopes that its routes ask for.
    package var scopes: Set<String> {
        Set(routes.compactMap(\.declaration.access.scope))
    }
}
