import ComfyUI
import PluginAPI

/// Writes what runs to the log at debug level, between marker lines, formatted: one line of the log per line of JSON.
enum WorkflowLog {
    /// How many lines of one text are written.
    static let longest = 2000

    /// Writes the final graph and the request, without keys to paid services and other secrets.
    static func write(_ prompt: PromptSubmission, to logger: Logger) {
        // Debug is off in production; then nothing is rendered.
        var isWanted = false
        logger.debug("=== Final Workflow JSON ===", facts(&isWanted))
        guard isWanted else { return }
        let graph = hiding(prompt.prompt)
        lines(of: graph, to: logger)
        logger.debug("=== Request to ComfyUI ===")
        var request: JSONObject = ["prompt": graph]
        for (key, value) in prompt.extra { request[key] = value }
        if var extra = request["extra_data"]?.objectValue {
            extra.hidePrivateKeys(clientID: extra["client_id"]?.stringValue)
            // The page's form of the graph has the values of inputs without their names.
            if extra.contains("extra_pnginfo") { extra["extra_pnginfo"] = "***" }
            request["extra_data"] = .object(extra)
        }
        request["client_id"] = prompt.clientID.map { .string($0) }
        request["prompt_id"] = prompt.promptID.map { .string($0) }
        lines(of: .object(request), to: logger)
    }

    /// Tells whether the line is written: facts are made for such lines only.
    private static func facts(_ isWanted: inout Bool) -> KeyValuePairs<String, String> {
        isWanted = true
        return [:]
    }

    private static func lines(of value: JSON, to logger: Logger) {
        let lines = value.text(.pretty).split(separator: "\n")
        for line in lines.prefix(longest) { logger.debug(String(line)) }
        if lines.count > longest { logger.debug("… \(lines.count - longest) more lines") }
    }

    /// The graph with the texts of inputs hidden whose names say that they are secret.
    static func hiding(_ graph: JSON) -> JSON {
        guard var nodes = graph.objectValue else { return graph }
        for (id, node) in nodes {
            for (name, value) in node["inputs"]?.objectValue ?? [:] where value.stringValue != nil && isSecret(name) {
                nodes[id]?["inputs"]?[name] = "***"
            }
        }
        return .object(nodes)
    }

    private static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["api_key", "apikey", "token", "password", "secret"].contains { name.contains($0) }
    }
}
