import PluginAPI

/// Node classes that a server lacks, by the repository that brings them: one install per group.
struct RepositoryGroups: Sendable {
    private struct Group {
        var source: CatalogSources.Source
        var nodes: [String]
    }

    private var groups: [String: (repository: String, group: Group)] = [:]
    private var homeless: [String] = []

    /// Groups node classes.
    init(_ nodes: [String], _ sources: CatalogSources) {
        for node in nodes {
            let source = sources[ServerDifference.nodes, node]
            let repository = Self.repository(source?.sourceURL) ?? Self.repository(source?.downloadURL)
            guard let source, let repository else {
                homeless.append(node)
                continue
            }
            // Forges do not tell owners and repositories apart by case.
            let key = repository.lowercased()
            if var known = groups[key] {
                known.group.nodes.append(node)
                known.group.source.sourceURL = known.group.source.sourceURL ?? source.sourceURL
                known.group.source.downloadURL = known.group.source.downloadURL ?? source.downloadURL
                groups[key] = known
            } else {
                groups[key] = (repository, Group(source: source, nodes: [node]))
            }
        }
    }

    /// One spelling of a repository's address: without `/` and `.git` at its end; `nil` when there is none.
    static func repository(_ address: String?) -> String? {
        guard var address = address?.trimmed[...] else { return nil }
        while true {
            if address.hasSuffix("/") {
                address.removeLast()
            } else if address.hasSuffix(".git") {
                address.removeLast(".git".count)
            } else {
                return address.isEmpty ? nil : String(address)
            }
        }
    }

    /// `{"repos": […], "missingRepoNodes": […]}`, sorted.
    var json: JSON {
        let repositories = groups.values.sorted { $0.repository < $1.repository }.map { repository, group -> JSON in
            [
                "repo": .string(repository), "source_url": .nullable(group.source.sourceURL),
                "download_url": .nullable(group.source.downloadURL),
                "nodes": .array(group.nodes.sorted().map { .string($0) }),
            ]
        }
        return ["repos": .array(repositories), "missingRepoNodes": .array(homeless.sorted().map { .string($0) })]
    }
}

extension JSON {
    /// A text, or `null`.
    static func nullable(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
}
