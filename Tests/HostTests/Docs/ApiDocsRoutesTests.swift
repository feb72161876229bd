import Glibc
import Host
import PluginAPI
import PluginTestKit
import Testing

@Suite("/docs and /redoc")
struct ApiDocsRoutesTests {
    private static let files = [
        "swagger-ui-dist/swagger-ui.css", "swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui-dist/favicon-32x32.png",
        "redoc/bundles/redoc.standalone.js",
    ]

    let directory = TemporaryDirectory()
    let pool = BlockingPool(threads: 1)

    /// A router over the folder, by default with all files in it.
    private func fixture(without missing: String? = nil, openSurfaces: Bool = true) throws -> RouterFixture {
        for folder in ["swagger-ui-dist", "redoc", "redoc/bundles"] { mkdir("\(directory.path)/\(folder)", 0o755) }
        for file in Self.files where file != missing { directory.write(file, "content of \(file)") }
        directory.write("swagger-ui-dist/other.js", "not asked for by the pages")
        let fixture = try RouterFixture(openSurfaces: openSurfaces)
        let folder = ApiDocsFolder(directories: ["/nowhere", directory.path], files: pool)
        fixture.router.replace(try RouteTable(plugins: [], host: ApiDocsRoutes(folder: folder).declarations))
        return fixture
    }

    @Test(
        "pages name files of this host alone, and forbid all others",
        arguments: ["/docs", "/docs/", "/redoc", "/redoc/"])
    func pages(path: String) async throws {
        let page = await (try fixture()).send(.get, path)
        #expect(page.status == .ok)
        #expect(page.headers["Content-Type"] == "text/html; charset=utf-8")
        #expect(page.headers["X-Content-Type-Options"] == "nosniff")
        let policy = try #require(page.headers["Content-Security-Policy"])
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; connect-src 'self'; "))
        #expect(!page.text.contains("//"), "no address of a host")
        #expect(!page.text.contains("<script>") && !page.text.contains("style="))
        let prefix = path.hasSuffix("/") ? "../" : ""
        #expect(page.text.contains("data-openapi=\"\(prefix)openapi.json\""))
    }

    @Test("each file that a page names is there, with its type")
    func namedFiles() async throws {
        let fixture = try fixture()
        var types: Set<String> = []
        for path in ["/docs", "/redoc"] {
            let page = await fixture.send(.get, path).text
            let names = page.split(separator: "\"").filter { $0.hasPrefix("docs/") }
            #expect(names.count >= 3)
            for name in names {
                let file = await fixture.send(.get, "/\(name)")
                #expect(file.status == .ok, "\(name)")
                #expect(file.headers["X-Content-Type-Options"] == "nosniff")
                #expect(file.headers["Cache-Control"] == "no-cache")
                types.insert(file.headers["Content-Type"] ?? "")
            }
        }
        #expect(types == ["text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/png"])
        let style = await fixture.send(.get, "/docs/swagger-ui.css")
        #expect(style.text == "content of swagger-ui-dist/swagger-ui.css")
        let head = await fixture.send(.head, "/docs/swagger-ui.css")
        #expect(head.status == .ok)
        #expect(head.headers["ETag"] == style.headers["ETag"])
    }

    @Test("a file that has not changed is not sent again")
    func validators() async throws {
        let fixture = try fixture()
        let path = "/docs/redoc.standalone.js"
        let tag = try #require(await fixture.send(.get, path).headers["ETag"])
        for sent in [tag, "W/\(tag)", "\"x\", \(tag) ", "*"] {
            let again = await fixture.send(.get, path, ["If-None-Match": sent])
            #expect(again.status == .notModified, "\(sent)")
            #expect(again.body.isEmpty)
            #expect(again.headers["ETag"] == tag)
        }
        #expect(await fixture.send(.get, path, ["If-None-Match": "\"x\""]).status == .ok)
        directory.write("redoc/bundles/redoc.standalone.js", "a newer one")
        let newer = await fixture.send(.get, path, ["If-None-Match": tag])
        #expect(newer.text == "a newer one")
    }

    @Test(
        "nothing else is served",
        arguments: [
            "/docs/other.js", "/docs/..%2f..%2fetc/passwd", "/docs/..%2fswagger-ui-dist%2fother.js", "/docs/%2e%2e",
            "/docs/../etc/passwd", "/docs/swagger-ui-dist/swagger-ui.css", "/docs/swagger-ui-dist%2fswagger-ui.css",
            "/docs/swagger-ui.css%00", "/docs//etc/passwd", "/redoc/redoc.standalone.js",
        ])
    func strangers(path: String) async throws {
        let answer = await (try fixture()).send(.get, path)
        #expect(answer.status == .notFound)
        #expect(answer.json?["code"] == "http.not_found")
    }

    @Test("a link in the folder leads nowhere")
    func links() async throws {
        let fixture = try fixture(without: "swagger-ui-dist/swagger-ui.css")
        #expect(symlink("/etc/hostname", "\(directory.path)/swagger-ui-dist/swagger-ui.css") == 0)
        #expect(await fixture.send(.get, "/docs/swagger-ui.css").status == .notFound)
    }

    @Test("without the files the answer says what to install, until they are there")
    func missing() async throws {
        let fixture = try fixture(without: "redoc/bundles/redoc.standalone.js")
        for path in ["/docs", "/redoc", "/docs/redoc.standalone.js"] {
            let answer = await fixture.send(.get, path)
            #expect(answer.status == .notFound)
            #expect(answer.json?["code"] == "host.no_api_docs")
            #expect(answer.json?["error"]?.stringValue?.contains("packaging/api-docs.sh") == true)
            #expect(!answer.text.contains(directory.path))
        }
        directory.write("redoc/bundles/redoc.standalone.js", "here")
        #expect(await fixture.send(.get, "/redoc").status == .ok)
    }

    @Test("pages and their files are open, also where nothing else is")
    func access() async throws {
        let closed = try fixture(openSurfaces: false)
        for path in ["/docs", "/redoc"] { #expect(await closed.send(.get, path).status == .ok) }
        #expect(await closed.send(.get, "/docs/swagger-ui.css").status == .ok)
    }
}
