import Host
import PluginAPI
import Testing

@Suite("The OpenAPI document")
struct OpenAPITests {
    static func document() throws -> JSON {
        var one = PluginSetup(plugin: "one")
        one.routes.get("/{id}/lines/{line}", String.self, Int.self, docs: "Reads a line.") { _, _, _ in "x" }
        one.routes.group("", access: .admin) { routes in
            routes.get("/secret", docs: OperationDocs("Hidden.", published: false)) { _ in "x" }
            routes.delete("/{name}/lines/{line}", String.self, Int.self, docs: "Removes a line.") { _, _, _ in "x" }
        }
        one.routes.group("/scoped", access: .scope("s")) { routes in
            routes.get("", docs: "Needs a scope.") { _ in "x" }
            routes[access: .surfaceScope("t")].get("/surface", docs: "Needs a scope where the surface is closed.") {
                _ in "x"
            }
        }
        let dialect = Surface(name: "a dialect", errorSchema: ["type": "object"]) { error, _ in
            .text("", status: error.status)
        }
        one.rootRoutes(claiming: ["/d"], surface: dialect) { routes in
            let docs = OperationDocs(
                "Submits.", description: "More *words*.",
                query: [QueryDoc("wait", "Waits.", schema: ["type": "boolean"]), QueryDoc("wait", "Twice.")],
                body: ["type": "object", "required": ["prompt"]], returns: ["type": "object"],
                errors: [(503, "No worker."), (503, "Draining."), (400, "Bad graph.")])
            routes.post("/d/submit", docs: docs) { _ in "x" }
            routes.get(
                "/d/files/{path...}", String.self,
                docs: OperationDocs("A file.", returns: ["type": "string", "contentMediaType": "image/png"])
            ) { _, _ in "x" }
            let upload = OperationDocs(
                "Uploads.",
                body: [
                    "type": "object", "contentMediaType": "multipart/form-data",
                    "properties": ["image": ["type": "string", "contentMediaType": "application/octet-stream"]],
                ], bodyIsRequired: false,
                answers: [
                    AnswerDoc(201, "Made.", schema: ["type": "object"], headers: [HeaderDoc("Location", "Where.")]),
                    AnswerDoc(503, "Not now.", schema: ["type": "object"]),
                ])
            routes.put("/d/submit", docs: upload) { _ in "x" }
            routes.webSocket("/d/ws", docs: "Events.") { _, _ in }
            routes.on(HTTPMethod(rawValue: "PURGE"), "/d/submit", docs: "Not in OpenAPI.") { _ in "x" }
        }
        var two = PluginSetup(plugin: "two")
        two.rootRoutes(claiming: ["/"], surface: .native, access: .open) { routes in
            let docs = OperationDocs(
                "The root.", returns: ["type": "object"],
                answers: [AnswerDoc(200, "Done.", schema: ["type": "string", "contentMediaType": "text/html"])])
            routes.get("/", docs: docs) { _ in "x" }
            routes.get("/get_root", docs: "Named like it.") { _ in "x" }
        }
        let table = try RouteTable(plugins: [
            PluginRoutes(plugin: "one", setup: one), PluginRoutes(plugin: "two", setup: two),
        ])
        return openAPIDocument(table: table, info: OpenAPIInfo(version: "1", description: "About."))
    }

    @Test("published routes appear once, under one path per pattern")
    func paths() throws {
        let paths = try #require(try Self.document()["paths"]?.objectValue)
        #expect(
            paths.keys == [
                "/", "/api/one/scoped", "/api/one/scoped/surface", "/api/one/{id}/lines/{line}", "/d/files/{path}",
                "/d/submit", "/d/ws",
                "/get_root",
            ])
        let line = try #require(paths["/api/one/{id}/lines/{line}"]?.objectValue)
        #expect(line.keys == ["get", "delete"])
        // The second route named its parameter otherwise; the path decides.
        let names = line["delete"]?["parameters"]?.arrayValue?.map { $0["name"] }
        #expect(names == ["id", "line"])
        #expect(line["get"]?["parameters"]?[1]?["schema"] == ["type": "integer"])
        #expect(paths["/d/submit"]?.objectValue?.keys == ["post", "put"])
    }

    @Test("operation ids differ")
    func identifiers() throws {
        let paths = try #require(try Self.document()["paths"]?.objectValue)
        let identifiers = paths.values.flatMap { $0.objectValue?.values ?? [] }.compactMap {
            $0["operationId"]?.stringValue
        }
        #expect(Set(identifiers).count == 10)
        #expect(identifiers.count == 10)
        #expect(identifiers.contains("get_api_one_id_lines_line"))
    }

    @Test("query, body, answers and errors are described")
    func operation() throws {
        let document = try Self.document()
        let submit = try #require(document["paths"]?["/d/submit"]?["post"])
        #expect(submit["tags"] == ["a dialect"])
        #expect(submit["description"] == "More *words*.")
        #expect(submit["parameters"]?.arrayValue?.count == 1)
        #expect(submit["requestBody"]?["content"]?["application/json"]?["schema"]?["required"] == ["prompt"])
        #expect(
            submit["responses"]?["503"]?["description"]
                == "No worker. Draining. This part of the service is being restarted.")
        // Each status is named, none by "default".
        #expect(
            submit["responses"]?.objectValue?.keys == ["200", "400", "401", "413", "415", "429", "503"])
        let file = try #require(document["paths"]?["/d/files/{path}"]?["get"])
        #expect(file["responses"]?["200"]?["content"]?.objectValue?.keys == ["image/png"])
        let socket = try #require(document["paths"]?["/d/ws"]?["get"])
        #expect(socket["x-websocket"] == true)
        #expect(socket["responses"]?.objectValue?.keys.prefix(1) == ["101"])
        #expect(document["tags"] == [["name": "a dialect"], ["name": "one"], ["name": "two"]])
    }

    @Test("errors have the form of their surface, written once")
    func errors() throws {
        let document = try Self.document()
        #expect(document["components"]?["schemas"]?.objectValue?.keys == ["Error", "ADialectError"])
        let submit = document["paths"]?["/d/submit"]?["post"]?["responses"]
        #expect(
            submit?["400"]?["content"] == [
                "application/json": ["schema": ["$ref": "#/components/schemas/ADialectError"]]
            ])
        #expect(submit?["429"]?["headers"]?["Retry-After"]?["schema"] == ["type": "integer"])
        let line = document["paths"]?["/api/one/{id}/lines/{line}"]?["get"]?["responses"]
        #expect(line?["404"]?["content"] == ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]])
        #expect(line?["503"] != nil, "a plugin that drains")
        // Open, of the native surface, and without parameters.
        let root = document["paths"]?["/get_root"]?["get"]?["responses"]
        #expect(root?.objectValue?.keys == ["200", "503"])
    }

    @Test("bodies that are forms, statuses besides 200, header fields, several types")
    func forms() throws {
        let paths = try #require(try Self.document()["paths"])
        let upload = try #require(paths["/d/submit"]?["put"])
        #expect(upload["requestBody"]?["required"] == false)
        let form = upload["requestBody"]?["content"]?["multipart/form-data"]?["schema"]
        #expect(form?.objectValue?.keys == ["type", "properties"])
        let responses = try #require(upload["responses"])
        #expect(responses["200"] == nil)
        #expect(responses["201"]?["headers"]?["Location"]?["description"] == "Where.")
        #expect(responses["503"]?["description"] == "Not now. This part of the service is being restarted.")
        #expect(
            responses["503"]?["content"]?["application/json"]?["schema"]
                == ["anyOf": [["type": "object"], ["$ref": "#/components/schemas/ADialectError"]]])
        #expect(
            paths["/"]?["get"]?["responses"]?["200"]?["content"]?.objectValue?.keys == [
                "application/json", "text/html",
            ]
        )
    }

    @Test("access becomes security")
    func security() throws {
        let paths = try #require(try Self.document()["paths"])
        let tokens: JSON = [["bearer": []], ["apiKey": []]]
        #expect(paths["/"]?["get"]?["security"] == [])
        #expect(paths["/d/submit"]?["post"]?["security"] == [[:], ["bearer": []], ["apiKey": []]])
        #expect(paths["/api/one/scoped"]?["get"]?["security"] == tokens)
        #expect(paths["/api/one/scoped"]?["get"]?["x-scope"] == "s")
        let surface = paths["/api/one/scoped/surface"]?["get"]
        #expect(surface?["security"] == [[:], ["bearer": []], ["apiKey": []]])
        #expect(surface?["x-scope"] == "t")
        #expect(surface?["responses"]?["403"] != nil)
        #expect(paths["/api/one/{id}/lines/{line}"]?["delete"]?["x-admin"] == true)
    }
}
