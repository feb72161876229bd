import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("The host's own routes")
struct HostRoutesTests {
    let fixture: RouterFixture
    let monitor: HealthMonitor

    init() throws {
        try self.init(openSurfaces: true)
    }

    init(openSurfaces: Bool, failing: Bool = false, _ plugins: [PluginRoutes] = []) throws {
        fixture = try RouterFixture(openSurfaces: openSurfaces)
        let status: HealthStatus = failing ? .failing("down") : .healthy
        monitor = HealthMonitor(clock: fixture.clock) { [PluginHealth(plugin: "p", state: status)] }
        let source = OpenAPISource(info: OpenAPIInfo(version: "1.2.3"))
        let host = HostRoutes(
            info: HostRoutes.Info(version: "1.2.3"), health: monitor, metrics: fixture.metrics, openAPI: source.bytes)
        let table = try RouteTable(plugins: plugins, host: host.declarations)
        source.replace(table)
        fixture.router.replace(table)
    }

    @Test("live asks nothing, ready tells the reasons, /health is the same")
    func health() async throws {
        let host = try Self(openSurfaces: false, failing: true)
        let live = await host.fixture.send(.get, "/health/live")
        #expect(live.status == .ok)
        #expect(live.json == ["status": "ok"])
        for path in ["/health/ready", "/health/"] {
            let ready = await host.fixture.send(.get, path)
            #expect(ready.status == .serviceUnavailable)
            #expect(ready.json?["plugins"]?["p"]?["reason"] == "down")
        }
        #expect(await fixture.send(.get, "/health/ready").status == .ok)
        monitor.phase = .starting
        #expect(await fixture.send(.get, "/health/ready").status == .serviceUnavailable)
    }

    @Test("metrics and the document follow auth.open_surfaces")
    func openness() async throws {
        let closed = try Self(openSurfaces: false).fixture
        for path in ["/metrics", "/openapi.json", "/api/v1/openapi.json"] {
            #expect(await fixture.send(.get, path).status == .ok)
            #expect(await closed.send(.get, path).status == .unauthorized)
        }
        let metrics = await fixture.send(.get, "/metrics")
        #expect(metrics.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.text.contains("comfyd_http_requests_total{plugin=\"host\",route=\"/openapi.json\""))
        let document = await fixture.send(.get, "/openapi.json")
        #expect(document.json?["openapi"] == "3.1.0")
        #expect(document.json?["paths"]?["/health/live"]?["get"]?["tags"] == ["host"])
    }

    @Test(
        "the root is data, or a page for browsers",
        arguments: [
            (nil, false), ("*/*", false), ("application/json", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, text/html;q=0.5", false), ("TEXT/HTML", true), ("text/html;q=0", false),
        ] as [(String?, Bool)])
    func root(accept: String?, isPage: Bool) async throws {
        let answer = await fixture.send(.get, "/", accept.map { ["Accept": $0] } ?? [:])
        #expect(answer.headers["Content-Type"]?.hasPrefix(isPage ? "text/html" : "application/json") == true)
        #expect(answer.headers["Vary"] == "Accept")
        #expect(answer.text.contains("1.2.3"))
    }

    @Test("a plugin may claim / and /health, but not the rest")
    func yielding() async throws {
        let page = RouteTableTests.root(["GET /", "GET /health"])
        let host = try Self(openSurfaces: true, [PluginRoutes(plugin: "q", routes: [], rootGroups: [page])])
        #expect(await host.fixture.send(.get, "/").text == "GET /")
        #expect(await host.fixture.send(.get, "/health").text == "GET /health")
        let greedy = PluginRoutes(plugin: "q", routes: [], rootGroups: [RouteTableTests.root(["GET /metrics"])])
        let error = #expect(throws: RouteTableError.self) { try Self(openSurfaces: true, [greedy]) }
        #expect(error?.problems == ["GET /metrics: claimed by plugin q and by the host"])
    }
}
