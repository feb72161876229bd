import PluginAPI

/// Collects declarations, checks them against each other and settles who has which path.
struct RouteTableBuilder {
    /// What a table is made of.
    struct Contents {
        var routes: [Route]
        var dropped: [Route]
        var surfaces: [Surface]
        var trie: RouteTrie
    }

    private struct Claim {
        var prefix: PathTemplate
        var surface: Surface
        /// Of two claims of one prefix the one with the higher rank speaks: claimed routes, only yielding ones, a mount.
        var rank: Int
    }

    private var candidates: [Route] = []
    private var claims: [Claim] = []
    private var problems: [String] = []

    mutating func add(_ plugin: PluginRoutes) {
        let mount = "/api/\(plugin.plugin)"
        if let prefix = prefix(mount, plugin.plugin), !plugin.routes.isEmpty {
            claims.append(Claim(prefix: prefix, surface: .native, rank: 0))
            add(plugin.routes, of: plugin.plugin, below: [prefix], "its mount \(mount)")
        } else {
            add(plugin.routes, of: plugin.plugin, below: nil, "")
        }
        for group in plugin.rootGroups {
            let prefixes = group.prefixes.compactMap { prefix($0, plugin.plugin) }
            let rank = group.routes.contains { $0.ownership == .claimed } ? 2 : 1
            claims += prefixes.map { Claim(prefix: $0, surface: group.surface, rank: rank) }
            let names = group.prefixes.joined(separator: ", ")
            add(
                group.routes, of: plugin.plugin, below: prefixes.count == group.prefixes.count ? prefixes : nil,
                "the prefixes it claims (\(names))")
        }
    }

    mutating func add(host routes: [RouteDeclaration]) {
        add(routes, of: RouteTable.hostName, below: nil, "")
    }

    /// Settles all claims.
    ///
    /// - Throws: ``RouteTableError``.
    func finished() throws(RouteTableError) -> Contents {
        var problems = problems
        var owners: [String: Int] = [:]
        for ownership in [RouteDeclaration.Ownership.claimed, .yielding] {
            for (index, route) in candidates.enumerated() where route.declaration.ownership == ownership {
                guard let known = owners[Self.key(route)] else {
                    owners[Self.key(route)] = index
                    continue
                }
                let owner = candidates[known]
                if ownership == .claimed || (owner.plugin == route.plugin && owner.declaration.ownership == ownership) {
                    problems.append(Self.conflict(owner, route))
                }
            }
        }
        guard problems.isEmpty else { throw RouteTableError(problems: problems) }
        let kept = candidates.indices.filter { owners[Self.key(candidates[$0])] == $0 }
        let dropped = candidates.indices.filter { owners[Self.key(candidates[$0])] != $0 }
        return contents(kept.map { candidates[$0] }, dropped.map { candidates[$0] })
    }

    private func contents(_ routes: [Route], _ dropped: [Route]) -> Contents {
        var trie = RouteTrieBuilder()
        for (index, route) in routes.enumerated() { trie.add(route.template, route.declaration.method, route: index) }
        var best: [String: Claim] = [:]
        var surfaces: [Surface] = []
        for claim in claims where claim.rank > best[claim.prefix.pattern]?.rank ?? -1 {
            best[claim.prefix.pattern] = claim
        }
        for claim in best.values {
            trie.claim(claim.prefix, surface: surfaces.count)
            surfaces.append(claim.surface)
        }
        return Contents(routes: routes, dropped: dropped, surfaces: surfaces, trie: trie.frozen())
    }

    private mutating func add(
        _ declarations: [RouteDeclaration], of plugin: String, below prefixes: [PathTemplate]?, _ place: String
    ) {
        for declaration in declarations {
            let name = "\(Self.title(plugin)): \(declaration.method) \(declaration.template)"
            do throws(PathTemplateProblem) {
                let template = try PathTemplate(declaration.template)
                candidates.append(Route(plugin: plugin, declaration: declaration, template: template))
                let declared = declaration.parameterSchemas.count
                if template.parameterNames.count != declared {
                    problems.append(
                        "\(name): has \(template.parameterNames.count) path parameters, its handler takes \(declared)")
                }
                if let prefixes, !prefixes.contains(where: template.isBelow) {
                    problems.append("\(name): is outside \(place)")
                }
            } catch {
                problems.append("\(name): \(error)")
            }
            if !HTTPFields.isValid(name: declaration.method.rawValue) {
                problems.append("\(name): the method is not a token")
            }
        }
    }

    private mutating func prefix(_ text: String, _ plugin: String) -> PathTemplate? {
        do throws(PathTemplateProblem) {
            let prefix = try PathTemplate(text)
            guard prefix.parameterNames.isEmpty else { throw PathTemplateProblem("has parameters") }
            return prefix
        } catch {
            problems.append("\(Self.title(plugin)): claimed prefix \"\(text)\": \(error)")
            return nil
        }
    }

    private static func key(_ route: Route) -> String {
        "\(route.declaration.method) \(route.template.pattern)"
    }

    private static func conflict(_ first: Route, _ second: Route) -> String {
        let templates = [first, second].map(\.declaration.template)
        let path = templates[0] == templates[1] ? templates[0] : "\(templates[0]) and \(templates[1])"
        guard first.plugin != second.plugin else {
            return "\(title(first.plugin)): \(first.declaration.method) \(path): declared twice"
        }
        return "\(first.declaration.method) \(path): claimed by \(title(first.plugin)) and by \(title(second.plugin))"
    }

    private static func title(_ plugin: String) -> String {
        plugin == RouteTable.hostName ? "the host" : "plugin \(plugin)"
    }
}
