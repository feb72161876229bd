package import PluginAPI

/// The host's own routes: health, metrics, the API's description and a word about the service.
package struct HostRoutes: Sendable {
    /// What `/` says of the service.
    package struct Info: Sendable {
        package var name: String
        package var version: String

        package init(name: String = "comfyd", version: String) {
            self.name = name
            self.version = version
        }
    }

    private let info: Info
    private let health: HealthMonitor
    private let metrics: MetricsRegistry
    private let openAPI: @Sendable () -> [UInt8]
    private let metricsAccess: Access

    /// Makes the routes; `openAPI` gives the document as bytes, see ``OpenAPISource``.
    package init(
        info: Info, health: HealthMonitor, metrics: MetricsRegistry, metricsAccess: Access = .openSurface,
        openAPI: @escaping @Sendable () -> [UInt8]
    ) {
        self.info = info
        self.health = health
        self.metrics = metrics
        self.metricsAccess = metricsAccess
        self.openAPI = openAPI
    }

    /// The declarations, for ``RouteTable/init(plugins:host:)``.
    package var declarations: [RouteDeclaration] {
        var routes = RouteGroup(prefix: "", access: .open)
        declareHealth(in: &routes)
        declareDescriptions(in: &routes)
        routes.group("", ownership: .yielding) { routes in
            let docs = OperationDocs(
                "Says what this service is.", returns: ["type": "object"],
                answers: [
                    AnswerDoc(200, "Done.", schema: ["type": "string", "contentMediaType": "text/html"])
                ])
            routes.get("/", docs: docs) { [info] request in
                AcceptHeader.prefersHTML(request.headers["Accept"]) ? Self.page(info) : Self.json(info)
            }
        }
        return routes.routes
    }

    private func declareHealth(in routes: inout RouteGroup) {
        let status: JSON = ["type": "object", "properties": ["status": ["type": "string"]], "required": ["status"]]
        routes.get("/health/live", docs: OperationDocs("Tells that the process answers.", returns: status)) { _ in
            JSON.object(["status": "ok"])
        }
        let ready = OperationDocs(
            "Tells whether requests should be sent here, with the reasons of each plugin.", returns: status,
            answers: [AnswerDoc(503, "Not ready.", schema: status)])
        routes.get("/health/ready", docs: ready) { [health] _ in await Self.readiness(health) }
        routes.group("", ownership: .yielding) { routes in
            routes.get("/health", docs: ready) { [health] _ in await Self.readiness(health) }
        }
    }

    private func declareDescriptions(in routes: inout RouteGroup) {
        routes.group("", access: metricsAccess) { routes in
            let docs = OperationDocs(
                "Metrics as Prometheus text.", returns: ["type": "string", "contentMediaType": "text/plain"])
            routes.get("/metrics", docs: docs) { [metrics] _ in
                Response.text(metrics.text(), type: MetricsRegistry.contentType)
            }
        }
        routes.group("", access: .openSurface) { routes in
            let docs = OperationDocs("This document, OpenAPI 3.1.", returns: ["type": "object"])
            for path in ["/openapi.json", "/api/v1/openapi.json"] {
                routes.get(path, docs: docs) { [openAPI] _ in
                    Response(headers: ["Content-Type": "application/json; charset=utf-8"], body: .bytes(openAPI()))
                }
            }
        }
    }

    private static func readiness(_ health: HealthMonitor) async -> Response {
        let report = await health.report()
        var response = Response.json(report.json, status: report.isReady ? .ok : .serviceUnavailable)
        response.headers["Cache-Control"] = "no-store"
        return response
    }

    private static func json(_ info: Info) -> Response {
        var response = Response.json([
            "name": .string(info.name), "version": .string(info.version), "openapi": "/openapi.json",
            "docs": "/docs", "health": "/health/ready", "metrics": "/metrics",
        ])
        response.headers["Vary"] = "Accept"
        return response
    }

    private static func page(_ info: Info) -> Response {
        let links = ["/docs", "/redoc", "/openapi.json", "/health/ready", "/metrics"]
        let list = links.map { "<li><a href=\"\($0)\">\($0)</a></li>" }.joined()
        // Name and version are the daemon's own words.
        var response = Response.text(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>\(info.name)</title>"
                + "<h1>\(info.name) \(info.version)</h1><ul>\(list)</ul></html>\n",
            type: "text/html; charset=utf-8")
        response.headers["Vary"] = "Accept"
        return response
    }
}
