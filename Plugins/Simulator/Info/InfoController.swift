internal import PluginAPI

/// What the server tells about itself: nodes, models, system, and the small things a frontend asks for.
struct InfoController: Sendable {
    let server: SimulatedServer

    /// `GET /features`, and the answer to a client's flags.
    static let features: JSON = [
        "supports_preview_metadata": true, "max_upload_size": .number(JSONNumber(Limits.body)),
    ]

    private static let modelFolders = [
        "checkpoints", "configs", "loras", "vae", "text_encoders", "diffusion_models", "clip_vision", "style_models",
        "embeddings", "diffusers", "vae_approx", "controlnet", "gligen", "upscale_models", "custom_nodes",
        "hypernetworks", "photomaker", "classifiers", "model_patches", "audio_encoders",
    ]
    /// Folders that `/models` shows and `/experiment/models` hides.
    private static let hiddenFolders: Set = ["configs", "custom_nodes"]

    func declare(in routes: inout MethodTable) {
        declareNodes(in: &routes)
        declareModels(in: &routes)
        routes.addTwice(.get, "/system_stats", "Describes the machine.") { _ in Answer.json(systemStats) }
        routes.addTwice(.get, "/features", "Lists what the server can do.") { _ in Answer.json(Self.features) }
        routes.addTwice(.get, "/extensions", "Lists scripts of the frontend.") { _ in
            Answer.json(["/extensions/core/groupNode.js", "/extensions/core/widgetInputs.js"])
        }
        for path in ["/i18n", "/workflow_templates"] {
            routes.addTwice(.get, path, "Is empty without custom nodes.") { _ in Answer.json([:]) }
        }
        for path in ["/", "/index.html"] { routes.add(.get, path, "Shows a page in place of the frontend.", index) }
        routes.add(.get, "/api", "Shows a page in place of the frontend.", index)
    }

    private func declareNodes(in routes: inout MethodTable) {
        routes.addTwice(.get, "/object_info", "Describes all node classes.") { _ in Answer.json(server.catalog.info) }
        routes.addTwice(.get, "/object_info/{class}", "Describes one node class.") { request in
            let catalog = server.catalog
            guard let type = catalog[request.pathParameters.first ?? ""] else { return Answer.json([:]) }
            return Answer.json(.object([type.name: catalog.info(type)]))
        }
    }

    private func declareModels(in routes: inout MethodTable) {
        routes.addTwice(.get, "/embeddings", "Lists embeddings.") { _ in
            Answer.json(.strings(server.settings.embeddings))
        }
        routes.addTwice(.get, "/models", "Lists the folders of models.") { _ in
            Answer.json(.strings(Self.modelFolders))
        }
        routes.addTwice(.get, "/models/{folder}", "Lists the models of a folder.") { request in
            let folder = request.pathParameters.first ?? ""
            guard Self.modelFolders.contains(folder) else { return Answer.empty(.notFound) }
            return Answer.json(.strings(server.settings.models(in: folder)))
        }
        routes.addTwice(.get, "/experiment/models", "Lists the folders of models with their paths.") { _ in
            let shown = Self.modelFolders.filter { !Self.hiddenFolders.contains($0) }
            return Answer.json(
                .array(shown.map { ["name": .string($0), "folders": [.string("/models/\($0)")]] }))
        }
        routes.addTwice(.get, "/experiment/models/{folder}", "Lists the models of a folder with details.") { request in
            let folder = request.pathParameters.first ?? ""
            guard Self.modelFolders.contains(folder), !Self.hiddenFolders.contains(folder) else {
                return Answer.empty(.notFound)
            }
            return Answer.json(
                .array(
                    server.settings.models(in: folder).map {
                        ["name": .string($0), "pathIndex": 0, "modified": 0.0, "created": 0.0, "size": 0]
                    }))
        }
    }

    private var systemStats: JSON {
        let memory: JSON = 25_276_502_016
        return [
            "system": [
                "os": "posix", "ram_total": memory, "ram_free": memory, "comfyui_version": "0.3.64",
                "required_frontend_version": "1.27.10", "installed_templates_version": "0.1.95",
                "required_templates_version": "0.1.95", "python_version": "3.11.7 (simulated)",
                "pytorch_version": "2.13.0+simulated", "embedded_python": false, "argv": ["main.py", "--cpu"],
            ],
            "devices": [
                [
                    "name": .string(server.settings.name), "type": "cpu", "index": .null, "vram_total": memory,
                    "vram_free": memory, "torch_vram_total": memory, "torch_vram_free": memory,
                ]
            ],
        ]
    }

    private func index(_ request: Request) -> Response {
        let page = "<!doctype html><html lang=\"en\"><title>ComfyUI</title><p>A simulated ComfyUI server.</p></html>"
        return Response(
            headers: [
                "Content-Type": "text/html", "Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "0",
            ],
            body: .bytes(Array(page.utf8)))
    }
}
