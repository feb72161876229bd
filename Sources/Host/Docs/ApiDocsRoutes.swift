package import PluginAPI

/// `/docs` (Swagger UI) and `/redoc` (ReDoc) from local files alone.
package struct ApiDocsRoutes: Sendable {
    private let folder: ApiDocsFolder

    /// Serves what is in the folder.
    package init(folder: ApiDocsFolder) {
        self.folder = folder
    }

    /// The declarations, for ``RouteTable/init(plugins:host:)``.
    package var declarations: [RouteDeclaration] {
        var routes = RouteGroup(prefix: "", access: .open)
        // The same for everybody: what is described has its own access, and the page asks for a token.
        routes.get("/docs", docs: OperationDocs("Swagger UI.", published: false)) { [folder] request in
            try await Self.page(.swagger, folder, request)
        }
        routes.get("/redoc", docs: OperationDocs("ReDoc.", published: false)) { [folder] request in
            try await Self.page(.redoc, folder, request)
        }
        let docs = OperationDocs("A file of Swagger UI or ReDoc.", published: false)
        routes.get("/docs/{file}", String.self, docs: docs) { [folder] request, name in
            try await Self.asset(name, folder, request)
        }
        return routes.routes
    }

    private static func page(_ page: ApiDocsPage, _ folder: ApiDocsFolder, _ request: Request) async throws -> Response
    {
        guard try await folder.isComplete else { throw HTTPError.apiDocsMissing }
        return checked(page.response(to: request))
    }

    private static func asset(_ name: String, _ folder: ApiDocsFolder, _ request: Request) async throws -> Response {
        for page in [ApiDocsPage.swagger, .redoc] where page.startName == name {
            return checked(.text(page.startScript, type: ApiDocsAsset.script))
        }
        guard let asset = ApiDocsAsset.named(name) else { throw HTTPError.notFound }
        guard let file = try await folder.find(asset) else { throw HTTPError.apiDocsMissing }
        let isUnchanged = request.headers["If-None-Match"].map { matches($0, file.etag) } ?? false
        var response =
            isUnchanged
            ? Response(status: .notModified)
            : Response(headers: ["Content-Type": asset.type], body: .file(path: file.path))
        response.headers["ETag"] = file.etag
        return checked(response)
    }

    /// Browsers ask again each time, so that an update shows at once, and take nothing for what it is not.
    private static func checked(_ response: Response) -> Response {
        var response = response
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
    }

    /// Compares weakly, as RFC 9110 §13.1.2 asks for.
    private static func matches(_ tags: String, _ etag: String) -> Bool {
        tags.split(separator: ",").contains { part in
            var tag = part.drop { $0 == " " }
            while tag.last == " " { tag.removeLast() }
            if tag.hasPrefix("W/") { tag = tag.dropFirst(2) }
            return tag == "*" || tag == etag
        }
    }
}

extension HTTPError {
    /// 404 that says what to install.
    fileprivate static var apiDocsMissing: HTTPError {
        HTTPError(
            .notFound, "host.no_api_docs",
            "The files of Swagger UI and ReDoc are not installed. packaging/api-docs.sh fetches them; "
                + "the setting api_docs_directory says where they are. /openapi.json has the description itself.")
    }
}
