import PluginAPI
import Testing

@Suite("Route groups")
struct RouteGroupTests {
    struct Color: PathParameter, Equatable {
        let name: String
        init?(pathComponent: String) {
            guard ["red", "blue"].contains(pathComponent) else { return nil }
            name = pathComponent
        }
        static var schema: JSON { ["enum": ["red", "blue"]] }
    }

    struct Nothing: Middleware {
        func handle(_ request: Request, next: @Sendable (Request) async throws -> Response) async throws -> Response {
            try await next(request)
        }
    }

    static func respond(_ route: RouteDeclaration, _ parameters: [String]) async throws -> Response? {
        guard case .respond(let handler) = route.action else { return nil }
        var request = Request(id: "1", method: .get, target: "/")
        request.pathParameters = parameters
        return try await handler(request)
    }

    @Test("groups nest, and inherit what they do not say")
    func nesting() {
        var group = RouteGroup(prefix: "/api/p")
        group.get("/first", docs: "A test.") { _ in "x" }
        group.group("/a", surface: .native, access: .open, middleware: [Nothing()], ownership: .yielding) { group in
            group.put("/b", docs: "A test.") { _ in "x" }
            group.group("/c", access: .admin, middleware: [Nothing()]) { group in
                group.patch(docs: "A test.") { _ in "x" }
            }
        }
        group.delete("/last", docs: "A test.") { _ in "x" }
        let routes = group.routes
        #expect(routes.map(\.template) == ["/api/p/first", "/api/p/a/b", "/api/p/a/c", "/api/p/last"])
        #expect(routes.map(\.method) == [.get, .put, .patch, .delete])
        #expect(routes.map(\.access) == [.authenticated, .open, .admin, .authenticated])
        #expect(routes.map { $0.surface?.name } == [nil, "native", "native", nil])
        #expect(routes.map(\.middleware.count) == [0, 1, 2, 0])
        #expect(routes.map { $0.ownership == .yielding } == [false, true, true, false])
    }

    @Test("a single route may have another access, and keeps everything else of its group")
    func singleRoute() {
        var group = RouteGroup(prefix: "/p", surface: .native, middleware: [Nothing()], ownership: .yielding)
        group.get("/a", docs: "A test.") { _ in "x" }
        group[access: .surfaceScope("s")].post("/b", docs: "A test.") { _ in "x" }
        group[access: .admin].webSocket("/c", docs: "A test.") { _, _ in }
        group.get("/d", docs: "A test.") { _ in "x" }
        #expect(group.routes.map(\.template) == ["/p/a", "/p/b", "/p/c", "/p/d"])
        #expect(group.routes.map(\.access) == [.authenticated, .surfaceScope("s"), .admin, .authenticated])
        #expect(group.routes.allSatisfy { $0.surface?.name == "native" && $0.middleware.count == 1 })
        #expect(group.routes.allSatisfy { $0.ownership == .yielding })
    }

    @Test("a group whose body throws changes nothing")
    func throwing() {
        struct Stop: Error {}
        var group = RouteGroup(prefix: "")
        #expect(throws: Stop.self) {
            try group.group("/a") { group in
                group.get("/b", docs: "A test.") { _ in "x" }
                throw Stop()
            }
        }
        #expect(group.routes.isEmpty)
    }

    @Test("parameters arrive as their types, and what does not convert is a 404")
    func parameters() async throws {
        var group = RouteGroup(prefix: "")
        group.get("/{color}/{line}/{rest...}", Color.self, Int.self, String.self, docs: "A test.") {
            _, color, line, rest in
            "\(color.name) \(line) \(rest)"
        }
        let route = group.routes[0]
        #expect(route.parameterSchemas == [["enum": ["red", "blue"]], ["type": "integer"], ["type": "string"]])
        let response = try #require(try await Self.respond(route, ["red", "-7", "a/b"]))
        guard case .bytes(let bytes) = response.body else {
            Issue.record("no bytes")
            return
        }
        #expect(String(decoding: bytes, as: UTF8.self) == "red -7 a/b")
        for bad in [
            ["green", "7", "x"], ["red", "7.0", "x"], ["red", "", "x"], ["red", "99999999999999999999", "x"], ["red"],
            [],
        ] {
            let error = await #expect(throws: HTTPError.self) { try await Self.respond(route, bad) }
            #expect(error?.status == .notFound)
        }
    }

    @Test("a WebSocket route is a GET with typed parameters")
    func webSockets() async throws {
        var group = RouteGroup(prefix: "/p")
        group.webSocket("/ws/{id}", Int.self, docs: "A test.") { _, _, _ in }
        let route = group.routes[0]
        #expect(route.method == .get)
        guard case .upgrade(let accept, _) = route.action else {
            Issue.record("no upgrade")
            return
        }
        #expect(try await accept(Request(id: "1", method: .get, target: "/")).subprotocol == nil)
    }

    @Test("a plugin's routes are mounted, closed, and its root groups listed with their prefixes")
    func setup() {
        var setup = PluginSetup(plugin: "gateway")
        setup.routes.get("/x", docs: "A test.") { _ in "x" }
        setup.rootRoutes(claiming: ["/queue", "/prompt"], surface: .native) { routes in
            routes.get("/queue", docs: "A test.") { _ in "x" }
        }
        #expect(setup.routes.routes.map(\.template) == ["/api/gateway/x"])
        #expect(setup.routes.routes[0].access == .authenticated)
        #expect(setup.rootGroups.map(\.prefixes) == [["/queue", "/prompt"]])
        #expect(setup.rootGroups[0].routes[0].access == .openSurface)
        #expect(setup.rootGroups[0].routes[0].surface?.name == "native")
    }
}
