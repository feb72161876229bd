import PluginAPI

/// `GET /api/agent/docs/agent-protocol` (seed 001 §1): the protocol for people who write agents.
struct ProtocolController: Sendable {
    /// The file.
    let path: String
    /// Reads it.
    let files: any BlockingThreads
    /// Tells the operator when it is missing.
    let logger: Logger

    /// The largest document in bytes.
    private static let largest = 1 << 20
    /// The document of this version, for installations without a file of it.
    private static let ownCopy = String(decoding: PackageResources.agent_protocol_md, as: UTF8.self)

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.get(
            "/docs/agent-protocol",
            docs: OperationDocs(
                "The protocol of agents, as Markdown.",
                returns: ["type": "string", "contentMediaType": "text/markdown; charset=utf-8"]), use: show)
    }

    private func show(_ request: Request) async throws -> Response {
        let text: String
        do {
            let bytes = try await files.run { [path] in try SmallFile.read(path, largest: Self.largest) }
            text = String(decoding: bytes, as: UTF8.self)
        } catch let problem as SmallFile.Problem {
            logger.debug("the protocol document cannot be read, the built-in one is shown", ["error": "\(problem)"])
            text = Self.ownCopy
        }
        return .text(text, type: "text/markdown; charset=utf-8")
    }
}
