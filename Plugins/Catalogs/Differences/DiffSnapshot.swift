import PluginAPI

/// What the servers lack of what one of them has, in the form that the imitated service's console makes and reads.
struct DiffSnapshot: Sendable {
    /// What came of one server.
    struct Target: Sendable {
        /// The server.
        let server: CatalogServer
        /// What it lacks, or the code of the error for which nobody knows.
        let result: Result<ServerDifference, HTTPError>

        /// What it lacks; `nil` when it could not be asked.
        var difference: ServerDifference? { try? result.get() }
    }

    /// What the others are compared with.
    let baseline: CatalogServer
    /// All servers, the baseline among them.
    let targets: [Target]
    /// When they were asked.
    let time: Timestamp

    /// The largest text of a snapshot in bytes.
    static let limit = 64 << 20

    /// The snapshot as JSON text.
    ///
    /// Servers become text one after the other: a large snapshot as values would take several times the memory.
    ///
    /// - Parameter extras: Further keys that the caller wants in it.
    /// - Throws: ``HTTPError`` 413 `SERVER_DIFF_TOO_LARGE`.
    func text(_ sources: CatalogSources, extras: JSONObject) throws -> [UInt8] {
        var head: JSONObject = ["generatedAt": .string(time.iso8601), "baseline": Self.shown(baseline)]
        for (key, value) in extras where !head.contains(key) && key != "servers" { head[key] = value }
        var text = JSON.object(head).serialized()
        text.removeLast()
        text += #","servers":["#.utf8
        for (index, target) in targets.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            JSON.object(entry(target, sources)).write(to: &text)
            guard text.count < Self.limit else {
                throw HTTPError(
                    .contentTooLarge, "SERVER_DIFF_TOO_LARGE",
                    "The differences are larger than \(Self.limit) bytes; name fewer servers in executorIds.")
            }
        }
        return text + "]}".utf8
    }

    private func entry(_ target: Target, _ sources: CatalogSources) -> JSONObject {
        let difference = target.difference
        var entry: JSONObject = [
            "baseline": Self.shown(baseline), "server": Self.shown(target.server), "missing": .null,
            "missing_details": .null, "missing_repo_groups": .null, "totals": .null,
            "isBaseline": .bool(target.server.id == baseline.id), "error": .null,
        ]
        if case .failure(let error) = target.result { entry["error"] = .string(error.code) }
        guard let difference else { return entry }
        func byKind(_ value: (ServerDifference.Part) -> JSON) -> JSON {
            .object(JSONObject(difference.parts.map { ($0.kind, value($0)) }))
        }
        entry["missing"] = byKind { .array($0.missing.map { .string($0) }) }
        entry["missing_details"] = byKind { part in
            .array(part.missing.map { Self.details($0, sources[part.kind, $0]) })
        }
        let nodes = difference.parts.first { $0.kind == ServerDifference.nodes }?.missing ?? []
        entry["missing_repo_groups"] = RepositoryGroups(nodes, sources).json
        entry["totals"] = byKind { .number(JSONNumber($0.total)) }
        return entry
    }

    private static func details(_ name: String, _ source: CatalogSources.Source?) -> JSON {
        [
            "name": .string(name), "display_name": .nullable(source?.displayName),
            "source_url": .nullable(source?.sourceURL), "download_url": .nullable(source?.downloadURL),
        ]
    }

    private static func shown(_ server: CatalogServer) -> JSON {
        ["id": .string(server.id), "name": .string(server.name), "baseUrl": .string(server.baseURL)]
    }
}
