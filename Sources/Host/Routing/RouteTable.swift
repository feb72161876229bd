package import PluginAPI

/// A route that is in use.
package struct Route: Sendable {
    /// The plugin that declared it, ``RouteTable/hostName`` for the host's own.
    package let plugin: String
    /// What was declared.
    package let declaration: RouteDeclaration
    /// The parsed template.
    package let template: PathTemplate
}

/// What the table knows of a method and path.
package enum RouteMatch: Sendable, Equatable {
    /// A route, as a place in ``RouteTable/routes``, and the decoded values of its parameters.
    case route(Int, parameters: [String])
    /// The path has routes, but none of this method; the methods it has, `HEAD` and `OPTIONS` included.
    case methodNotAllowed(allowed: [HTTPMethod])
    /// The path has no route.
    case notFound
}

/// All routes of the daemon, checked and ready to be matched; immutable.
package struct RouteTable: Sendable {
    /// The owner of the host's own routes.
    package static let hostName = "host"

    /// The routes in use: the plugins' in their order, then the host's.
    package let routes: [Route]
    /// The yielding routes that gave way, for `comfyd routes`.
    package let dropped: [Route]

    private let trie: RouteTrie
    private let surfaces: [Surface]
    /// For each route, which segments are its parameters.
    private let parameters: [Parameters]

    private struct Parameters: Sendable {
        var positions: [Int] = []
        var rest = -1
    }

    /// Builds a table.
    ///
    /// - Throws: ``RouteTableError`` with all problems at once.
    package init(plugins: [PluginRoutes] = [], host: [RouteDeclaration] = []) throws(RouteTableError) {
        var builder = RouteTableBuilder()
        for plugin in plugins { builder.add(plugin) }
        builder.add(host: host)
        let contents = try builder.finished()
        routes = contents.routes
        dropped = contents.dropped
        surfaces = contents.surfaces
        trie = contents.trie
        parameters = contents.routes.map { route in
            var result = Parameters()
            for (position, segment) in route.template.segments.enumerated() {
                switch segment {
                case .literal: break
                case .parameter: result.positions.append(position)
                case .rest: result.rest = position
                }
            }
            return result
        }
    }

    /// Finds the route of a method and a raw request target; see ``RequestPath`` for what a path may look like.
    ///
    /// Literal segments win over parameters, parameters over the rest, also where the method decides: `POST /a/b` does
    /// not hide `GET /a/{x}` from `GET /a/b`.
    package func match(_ method: HTTPMethod, _ target: String) -> RouteMatch {
        RequestPath.withPath(of: target) { path in
            guard let route = trie.route(for: path, method) else {
                let others = trie.routesOfAllMethods(for: path)
                return others.isEmpty ? .notFound : .methodNotAllowed(allowed: allowedMethods(others))
            }
            guard let values = parameterValues(of: route, path) else { return .notFound }
            return .route(route, parameters: values)
        }
    }

    private func parameterValues(of route: Int, _ path: RequestPath) -> [String]? {
        let places = parameters[route]
        guard places.rest >= 0 else {
            return places.positions.isEmpty ? [] : places.positions.map(path.text(at:))
        }
        guard let rest = path.rest(from: places.rest) else { return nil }
        return places.positions.map(path.text(at:)) + [rest]
    }

    private func allowedMethods(_ found: [Int]) -> [HTTPMethod] {
        var methods: [HTTPMethod] = []
        for route in found.map({ routes[$0].declaration }) where !methods.contains(route.method) {
            methods.append(route.method)
        }
        if methods.contains(.get), !methods.contains(.head) { methods.append(.head) }
        if !methods.contains(.options) { methods.append(.options) }
        return methods.sorted { MethodCode($0).rawValue < MethodCode($1).rawValue }
    }

    /// The methods that a path has, in the order of `Allow`; none when it has no route.
    package func allowedMethods(_ target: String) -> [HTTPMethod] {
        RequestPath.withPath(of: target) { path in
            let found = trie.routesOfAllMethods(for: path)
            return found.isEmpty ? [] : allowedMethods(found)
        }
    }

    /// The dialect of the longest claimed prefix of a path, for errors that no route answers.
    package func surface(of target: String) -> Surface {
        let surface = RequestPath.withPath(of: target) { trie.surface(for: $0) }
        return surface < 0 ? .native : surfaces[surface]
    }
}
