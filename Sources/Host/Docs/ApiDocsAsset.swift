/// A file of Swagger UI or ReDoc that the pages ask for; there are no others.
struct ApiDocsAsset: Sendable {
    /// The last segment of its address, below `/docs/`.
    let name: String
    /// Where it is below the folder, as in the packages `swagger-ui-dist` and `redoc`.
    let path: String
    /// Its `Content-Type`.
    let type: String

    /// Everything that the pages need.
    static let all = [
        ApiDocsAsset(name: "swagger-ui.css", path: "swagger-ui-dist/swagger-ui.css", type: "text/css; charset=utf-8"),
        ApiDocsAsset(name: "swagger-ui-bundle.js", path: "swagger-ui-dist/swagger-ui-bundle.js", type: script),
        ApiDocsAsset(name: "favicon-32x32.png", path: "swagger-ui-dist/favicon-32x32.png", type: "image/png"),
        ApiDocsAsset(name: "redoc.standalone.js", path: "redoc/bundles/redoc.standalone.js", type: script),
    ]

    /// The file with a name; a name from outside is only ever compared.
    static func named(_ name: String) -> ApiDocsAsset? {
        all.first { $0.name == name }
    }

    /// The `Content-Type` of a script.
    static let script = "text/javascript; charset=utf-8"
}
