import PluginAPI

/// Makes the `url` of files (`spec/workflows.md`, "Image URLs").
struct FileLinks: Sendable {
    /// The base URL of this daemon, as the client reached it.
    let base: String
    /// Where `url` leads.
    let style: ImageURLStyle

    /// `url` and `comfyui_url` of a file.
    ///
    /// Without a known server both lead to this daemon. Where neither the prompt nor the server is known, that is the route
    /// that asks one server after the other: `/api/view` serves files whose server is certain.
    func urls(
        of file: FileReference, promptID: String? = nil, server: ComfyServer?
    ) -> (url: String, comfyUIURL: String?) {
        var items = [(name: String, value: String)]()
        if let promptID { items.append((name: "prompt_id", value: promptID)) }
        items += Self.query(file)
        let path = promptID == nil && server == nil ? "/api/v1/images/download" : "/api/view"
        let own = "\(base)\(path)?\(QueryItems(items).encoded)"
        guard let server else { return (own, nil) }
        let direct = "\(server.url)/view?\(QueryItems(Self.query(file)).encoded)"
        return (style == .direct ? direct : own, direct)
    }

    /// `{"url", "filename", "subfolder", "type", "comfyui_url"}`.
    func json(_ file: FileReference, promptID: String? = nil, server: ComfyServer?) -> JSONObject {
        let (url, direct) = urls(of: file, promptID: promptID, server: server)
        var body: JSONObject = [
            "url": .string(url), "filename": .string(file.filename), "subfolder": .string(file.subfolder),
            "type": .string(file.type),
        ]
        if let direct { body["comfyui_url"] = .string(direct) }
        return body
    }

    private static func query(_ file: FileReference) -> [(name: String, value: String)] {
        [
            (name: "filename", value: file.filename), (name: "subfolder", value: file.subfolder),
            (name: "type", value: file.type),
        ]
    }
}
