import PluginAPI

/// Reads one of ComfyUI-Manager's lists: a single JSON document, so that nothing is known before all of it is here.
struct ManagerReader: ImportReader {
    /// The largest document in bytes; the lists of 2026 have up to 3 MB.
    static let largestDocument = 16 << 20

    private let kind: CatalogKind
    private var pieces: [ArraySlice<UInt8>] = []
    private var size = 0
    private var list: (any ImportReader)?

    /// Starts with nothing.
    init(_ kind: CatalogKind) {
        self.kind = kind
    }

    mutating func read(_ bytes: ArraySlice<UInt8>) throws -> [ImportRow] {
        size += bytes.count
        guard size <= Self.largestDocument else { throw HTTPError.bodyTooLarge(limit: Self.largestDocument) }
        pieces.append(bytes)
        return []
    }

    mutating func end() throws -> [ImportRow]? {
        var list = try self.list ?? open()
        defer { self.list = list }
        return try list.end()
    }

    mutating func page(of store: CatalogStore) async throws -> [ImportRow]? {
        guard var list else { return nil }
        defer { self.list = list }
        return try await list.page(of: store)
    }

    private mutating func open() throws -> any ImportReader {
        let document = try ManagerDocument(Array(pieces.joined()))
        pieces = []
        switch (document.shape, kind.name) {
        case (.models, CatalogKind.models.name): return ModelListReader(document, kind)
        case (.models, CatalogKind.loras.name): return ModelListReader(document, kind)
        case (.nodeMap, CatalogKind.plugins.name): return try NodeMapReader(document)
        case (.nodeList, CatalogKind.plugins.name): return NodeListReader(document)
        default:
            let place = document.shape == .models ? "model-catalog or loras" : "plugin-catalog"
            throw BodyForm.refusal([
                BodyForm.problem(
                    "value_error", ["body"],
                    "This is \(document.shape.rawValue), which belongs into \(place), not into \(kind.name)", [:])
            ])
        }
    }
}

extension ImportReader {
    mutating func read(_ bytes: ArraySlice<UInt8>) throws -> [ImportRow] { [] }
}
