import Host
import PluginAPI
import PluginTestKit

/// A router with everything a test looks at.
struct RouterFixture {
    let logs = CapturedLogs()
    let metrics = MetricsRegistry()
    let clock = ManualClock()
    let authenticator = TestAuthenticator()
    let access: TestAccess
    let router: Router

    init(
        openSurfaces: Bool = true, options: RouterOptions = RouterOptions(),
        _ declare: (inout PluginSetup) -> Void = { _ in }
    ) throws {
        access = TestAccess(openSurfaces: openSurfaces)
        router = Router(
            table: try Self.table(declare), authenticator: authenticator, access: access, metrics: metrics,
            clock: clock, options: options)
    }

    static func table(_ declare: (inout PluginSetup) -> Void) throws -> RouteTable {
        var setup = PluginSetup(plugin: "p")
        declare(&setup)
        return try RouteTable(plugins: [PluginRoutes(plugin: "p", setup: setup)])
    }

    func request(_ method: HTTPMethod, _ target: String, _ headers: HTTPFields = [:]) -> Request {
        Request(
            id: "r1", method: method, target: target, headers: headers,
            logger: Logger(sink: logs, facts: [("request.id", "r1")]))
    }

    @discardableResult
    func send(_ method: HTTPMethod, _ target: String, _ headers: HTTPFields = [:]) async -> TestResponse {
        switch await router.respond(to: request(method, target, headers)) {
        case .response(let response): await TestResponse(response, method: method)
        case .upgrade: await TestResponse(Response(status: 101))
        }
    }

    /// The value of one line of the metrics.
    func metric(_ series: String) -> String? {
        metrics.text().split(separator: "\n").first { $0.hasPrefix(series + " ") }.map {
            String($0.dropFirst(series.count + 1))
        }
    }
}
