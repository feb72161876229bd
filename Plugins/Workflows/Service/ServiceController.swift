import PluginAPI

/// `GET /` and `GET /health`.
struct ServiceController: Sendable {
    /// What runs the prompts.
    let backends: Backends
    /// What the service is called.
    let name: String
    /// The version that it tells.
    let version: String

    /// Declares the routes.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/",
            docs: OperationDocs(
                "Says what this service is: JSON, or a page when `Accept` asks for HTML.",
                returns: [
                    "type": "object", "required": ["name", "version", "status"],
                    "properties": [
                        "name": ["type": "string"], "service": ["type": "string"], "version": ["type": "string"],
                        "status": ["type": "string"],
                    ],
                ])
        ) { request in
            var answer = ServicePage.isWanted(request) ? page : .json(info)
            answer.headers["Vary"] = "Accept"
            return answer
        }
        routes.get(
            "/health",
            docs: OperationDocs(
                "Tells whether workflows can run; always 200. `/health/ready` is the one for load balancers.",
                returns: [
                    "type": "object", "required": ["status", "service"],
                    "properties": [
                        "status": ["enum": ["healthy", "degraded"]], "service": ["type": "string"],
                        "reason": ["type": "string"],
                    ],
                ])
        ) { _ in
            var answer = Response.json(await health)
            answer.headers["Cache-Control"] = "no-store"
            return answer
        }
    }

    private var info: JSON {
        [
            "name": .string(name), "service": .string(name), "version": .string(version), "status": "running",
            "docs": "/docs", "redoc": "/redoc", "openapi": "/openapi.json", "health": "/health",
            "workflows": "/api/workflows",
        ]
    }

    private var page: Response {
        .text(ServicePage(name: name, version: version).html, type: "text/html; charset=utf-8")
    }

    private var health: JSON {
        get async {
            var answer: JSONObject = ["status": "healthy", "service": .string(name)]
            if let reason = await backends.problem() {
                answer["status"] = "degraded"
                answer["reason"] = .string(reason)
            }
            return .object(answer)
        }
    }
}
