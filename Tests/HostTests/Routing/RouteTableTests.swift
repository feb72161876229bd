import Host
import PluginAPI
import Testing

@Suite("The route table")
struct RouteTableTests {
    /// Declares routes from lines such as `GET /a/{x}`.
    static func routes(_ lines: [String], ownership: RouteDeclaration.Ownership = .claimed) -> [RouteDeclaration] {
        var group = RouteGroup(prefix: "", access: .open, ownership: ownership)
        for line in lines { declare(line, in: &group) }
        return group.routes
    }

    private static func declare(_ line: String, in group: inout RouteGroup) {
        let parts = line.split(separator: " ").map(String.init)
        let method = HTTPMethod(rawValue: parts[0])
        switch parts[1].count(where: { $0 == "{" }) {
        case 0: group.on(method, parts[1], docs: "A test.") { _ in line }
        case 1: group.on(method, parts[1], String.self, docs: "A test.") { _, _ in line }
        default: group.on(method, parts[1], String.self, String.self, docs: "A test.") { _, _, _ in line }
        }
    }

    /// A group outside of a plugin's mount, as `configure` makes it.
    static func root(
        _ lines: [String], claiming prefixes: [String] = ["/"], ownership: RouteDeclaration.Ownership = .claimed,
        surface name: String = "s"
    ) -> RootGroup {
        var setup = PluginSetup(plugin: "any")
        let surface = Surface(name: name) { error, _ in .text(name, status: error.status) }
        setup.rootRoutes(claiming: prefixes, surface: surface, access: .open, ownership: ownership) { group in
            for line in lines { declare(line, in: &group) }
        }
        return setup.rootGroups[0]
    }

    static func found(_ table: RouteTable, _ line: String) -> String {
        let parts = line.split(separator: " ").map(String.init)
        switch table.match(HTTPMethod(rawValue: parts[0]), parts.count > 1 ? parts[1] : "") {
        case .route(let index, let parameters):
            let route = table.routes[index].declaration
            return ([route.template] + parameters).joined(separator: " ")
        case .methodNotAllowed(let allowed): return "405 " + allowed.map(\.rawValue).joined(separator: ",")
        case .notFound: return "404"
        }
    }

    static let paths = [
        "GET /", "GET /api/prompt", "POST /api/prompt", "GET /api/history", "GET /api/history/{id}",
        "GET /api/task/{id}/status", "GET /api/task/gateway/{job}", "POST /a/b", "GET /a/{x}",
        "DELETE /api/history/{id}", "GET /ui/{rest...}", "GET /ui/app.js", "GET /{x}/{y}/deep",
        "GET /files/{dir}/{rest...}",
        "PURGE /cache", "GET /grün",
    ]

    @Test(
        "a path finds its route, literals first, going back where a way ends",
        arguments: [
            ("GET /", "/"), ("GET /api/prompt", "/api/prompt"), ("GET /api/prompt/", "/api/prompt"),
            ("GET /api/prompt?a=/x/y", "/api/prompt"), ("GET /api/prompt/?a", "/api/prompt"),
            ("HEAD /api/prompt", "/api/prompt"), ("GET /api/history/abc", "/api/history/{id} abc"),
            ("GET /api/task/gateway/status", "/api/task/gateway/{job} status"),
            ("GET /api/task/x/status", "/api/task/{id}/status x"), ("GET /a/b", "/a/{x} b"), ("GET /a/c", "/a/{x} c"),
            ("POST /a/b", "/a/b"), ("GET /a/b/deep", "/{x}/{y}/deep a b"), ("GET /ui/app.js", "/ui/app.js"),
            ("GET /ui/a/b/c.js", "/ui/{rest...} a/b/c.js"), ("GET /ui/app.js/x", "/ui/{rest...} app.js/x"),
            ("GET /files/a/b/c", "/files/{dir}/{rest...} a b/c"), ("PURGE /cache", "/cache"),
            ("GET /a/x%2Fy", "/a/{x} x/y"), ("GET /a/%7Bx%7D", "/a/{x} {x}"), ("GET /%61pi/prom%70t", "/api/prompt"),
            ("GET /a/100%", "/a/{x} 100%"), ("GET /a/%zz", "/a/{x} %zz"), ("GET /a/%E4%BD%A0", "/a/{x} 你"),
            ("GET /gr%C3%BCn", "/grün"), ("GET /grün", "/grün"), ("GET /a/+", "/a/{x} +"), ("GET /a/...", "/a/{x} ..."),
            ("GET /ui/a%2Fb/c", "/ui/{rest...} a/b/c"), ("GET http://host:1/api/prompt?x", "/api/prompt"),
            ("GET /a/%2e%2e%2fetc", "/a/{x} ../etc"), ("GET /a/b#f", "/a/{x} b"),
        ])
    func matches(line: String, expected: String) throws {
        let table = try RouteTable(host: Self.routes(Self.paths))
        #expect(Self.found(table, line) == expected)
    }

    @Test(
        "a path without a route is 404, and dots and empty segments are never resolved",
        arguments: [
            "GET /nothing", "GET /api", "GET //", "GET //api/prompt", "GET /api//prompt", "GET /api/prompt//",
            "GET /api/./prompt", "GET /api/../api/prompt", "GET /api/prompt/..", "GET /a/%2e", "GET /a/%2E%2e",
            "GET /a/%2e.", "GET /ui", "GET /ui/", "GET /ui/a/../b", "GET /ui/a%2F..%2Fb", "GET /ui/a%2F%2Fb",
            "GET /ui/%2Fetc", "GET /a/x%00", "GET", "GET api/prompt", "GET *", "GET http://host", "GET /API/prompt",
            "PURGE /nothing", "GET /api/history/a/b/c",
        ])
    func misses(line: String) throws {
        let table = try RouteTable(host: Self.routes(Self.paths))
        #expect(Self.found(table, line) == "404")
    }

    @Test(
        "a method the path does not have is 405 with the methods it has",
        arguments: [
            ("PUT /api/prompt", "405 GET,HEAD,POST,OPTIONS"), ("OPTIONS /api/prompt", "405 GET,HEAD,POST,OPTIONS"),
            ("PUT /api/history/1", "405 GET,HEAD,DELETE,OPTIONS"), ("PUT /a/b", "405 GET,HEAD,POST,OPTIONS"),
            ("GET /cache", "405 OPTIONS,PURGE"), ("purge /cache", "405 OPTIONS,PURGE"),
            ("HEAD /cache", "405 OPTIONS,PURGE"), ("POST /ui/a/b", "405 GET,HEAD,OPTIONS"),
        ])
    func methods(line: String, expected: String) throws {
        let table = try RouteTable(host: Self.routes(Self.paths))
        #expect(Self.found(table, line) == expected)
    }

    @Test("a path of very many segments is 404, not a crash")
    func manySegments() throws {
        let table = try RouteTable(host: Self.routes(["GET /ui/{rest...}"]))
        let short = String(repeating: "/a", count: 63)
        #expect(Self.found(table, "GET /ui" + short) == "/ui/{rest...} " + short.dropFirst())
        #expect(Self.found(table, "GET /ui" + String(repeating: "/a", count: 64)) == "404")
        #expect(Self.found(table, "GET /ui" + String(repeating: "/%61", count: 100_000)) == "404")
    }

    @Test("random targets never trap and agree with a plain matcher")
    func random() throws {
        let table = try RouteTable(host: Self.routes(Self.paths))
        var random = SystemRandomNumberGenerator()
        let parts = [
            "/", "a", "api", "prompt", "ui", "%2F", "%", ".", "..", "?", "#", "task", "status", "é", "history", "%00",
        ]
        for _ in 0..<5000 {
            let target = (0..<Int.random(in: 0...9, using: &random)).map { _ in parts.randomElement() ?? "" }.joined()
            let path = target.prefix { $0 != "?" && $0 != "#" }
            let isStatic = path == "/api/prompt" || path == "/api/prompt/"
            let isFound = table.match(.post, target) == .route(2, parameters: [])
            #expect(isFound == isStatic, "\(target)")
        }
    }

    @Test(
        "a bad template is refused with the reason",
        arguments: [
            ("/a//b", "has an empty segment"), ("a", "does not start with \"/\""),
            ("/a/{x}b", "has a parameter that is not a whole segment: \"{x}b\""),
            ("/a/{}", "has a bad parameter name: \"{}\""), ("/{a-b}", "has a bad parameter name: \"{a-b}\""),
            ("/{x}/{x}", "has the parameter \"x\" twice"), ("/{r...}/b", "has \"{r...}\" before its end"),
            ("/a/../b", "has a segment \"..\""), ("/a?b", "has a query or fragment"),
        ])
    func badTemplates(template: String, problem: String) {
        let lines = Self.routes(["GET \(template)"])
        let error = #expect(throws: RouteTableError.self) { try RouteTable(host: lines) }
        #expect(error?.problems == ["the host: GET \(template): \(problem)"])
    }

    @Test("all problems are told at once, each with its plugin")
    func allProblems() {
        var outside = PluginSetup(plugin: "one")
        outside.routes = RouteGroup(prefix: "/api/other")
        outside.routes.get("/x", docs: "A test.") { _ in "x" }
        outside.routes.get("/y/{a}", docs: "A test.") { _ in "y" }
        let plugins = [
            PluginRoutes(plugin: "one", setup: outside),
            PluginRoutes(plugin: "two", routes: [], rootGroups: [Self.root(["GET /queue", "GET /history/{id}"])]),
            PluginRoutes(
                plugin: "three", routes: [],
                rootGroups: [
                    Self.root(["GET /queue", "GET /history/{prompt}", "POST /z"], claiming: ["/queue", "/history"]),
                    Self.root([], claiming: ["/x/{y}", "//"]),
                ]),
        ]
        let error = #expect(throws: RouteTableError.self) {
            try RouteTable(plugins: plugins, host: Self.routes(["GET /m", "GET /m/"]))
        }
        #expect(
            error?.problems == [
                "plugin one: GET /api/other/x: is outside its mount /api/one",
                "plugin one: GET /api/other/y/{a}: has 1 path parameters, its handler takes 0",
                "plugin one: GET /api/other/y/{a}: is outside its mount /api/one",
                "plugin three: POST /z: is outside the prefixes it claims (/queue, /history)",
                "plugin three: claimed prefix \"/x/{y}\": has parameters",
                "plugin three: claimed prefix \"//\": has an empty segment",
                "GET /queue: claimed by plugin two and by plugin three",
                "GET /history/{id} and /history/{prompt}: claimed by plugin two and by plugin three",
                "the host: GET /m and /m/: declared twice",
            ])
    }

    @Test("a yielding route gives way to a claim, and to an earlier yielding one")
    func yielding() throws {
        let table = try RouteTable(
            plugins: [
                PluginRoutes(
                    plugin: "a", routes: [],
                    rootGroups: [Self.root(["GET /x", "GET /y/{a}", "GET /z"], ownership: .yielding)]),
                PluginRoutes(
                    plugin: "b", routes: [], rootGroups: [Self.root(["GET /x", "GET /z"], ownership: .yielding)]),
                PluginRoutes(plugin: "c", routes: [], rootGroups: [Self.root(["GET /x", "GET /y/{b}", "POST /z"])]),
            ], host: Self.routes(["GET /z", "GET /"], ownership: .yielding))
        let kept = table.routes.map { "\($0.plugin) \($0.declaration.method) \($0.declaration.template)" }
        #expect(kept == ["a GET /z", "c GET /x", "c GET /y/{b}", "c POST /z", "host GET /"])
        #expect(table.dropped.map(\.plugin) == ["a", "a", "b", "b", "host"])
        #expect(Self.found(table, "GET /z") == "/z")
    }

    @Test(
        "the longest claimed prefix renders, by whole segments",
        arguments: [
            ("/api/nothing", "wide"), ("/api/v1/nothing", "v1"), ("/api/v1", "v1"), ("/api/v1/", "v1"),
            ("/api/v10", "wide"), ("/api/v1//x", "v1"), ("/api/own/x", "native"), ("/api/ow", "wide"), ("/", "native"),
            ("/%61pi/x", "wide"), ("*", "native"), ("/api/shared/x", "claimer"),
        ])
    func surfaces(path: String, expected: String) throws {
        let table = try RouteTable(plugins: [
            PluginRoutes(plugin: "own", setup: Self.mounted("own")),
            PluginRoutes(
                plugin: "yielder", routes: [],
                rootGroups: [
                    Self.root(["GET /api/shared"], claiming: ["/api/shared"], ownership: .yielding, surface: "yielder")
                ]),
            PluginRoutes(
                plugin: "wide", routes: [],
                rootGroups: [
                    Self.root(["GET /api/x"], claiming: ["/api"], surface: "wide"),
                    Self.root(["GET /api/v1/x"], claiming: ["/api/v1/"], surface: "v1"),
                    Self.root(["GET /api/shared"], claiming: ["/api/shared"], surface: "claimer"),
                ]),
        ])
        #expect(table.surface(of: path).name == expected)
    }

    static func mounted(_ plugin: String) -> PluginSetup {
        var setup = PluginSetup(plugin: plugin)
        setup.routes.get("", docs: "A test.") { _ in plugin }
        return setup
    }
}
