import PluginAPI

/// What a server lacks that another one has; what it has beyond that does not count.
struct ServerDifference: Sendable, Equatable {
    /// The names of one kind.
    struct Part: Sendable, Equatable {
        /// `unet`, `clip`, `vae`, `lora`, `nodes`, or another kind of files.
        let kind: String
        /// What is missing, in the order and spelling of the baseline.
        let missing: [String]
        /// How much the server has.
        let total: Int
    }

    /// Node classes, as a kind beside those of files.
    static let nodes = "nodes"
    /// The kinds that every snapshot has, in its order.
    static let commonKinds = ["unet", "clip", "vae", "lora", nodes]

    /// The kinds that every snapshot has, then the others by name.
    let parts: [Part]

    /// Whether nothing is missing.
    var isEmpty: Bool { parts.allSatisfy(\.missing.isEmpty) }

    /// Compares a server with what the baseline has.
    init(of server: ServerInventory, from baseline: Baseline) {
        let others = Set(server.models.keys).union(baseline.names.keys).subtracting(Self.commonKinds)
        parts = (Self.commonKinds + others.sorted()).map { kind in
            let names = server.names(kind)
            let keys = Set(names.map { NameKey($0, kind) })
            let missing = baseline.names[kind, default: []].filter { !keys.contains($0.key) }
            return Part(kind: kind, missing: missing.map(\.name), total: names.count)
        }
    }

    /// What the baseline has, made ready for comparing.
    struct Baseline: Sendable {
        /// By kind each name once, with what it is compared by.
        fileprivate let names: [String: [(key: NameKey, name: String)]]

        /// Prepares what a server has.
        init(_ inventory: ServerInventory) {
            var names: [String: [(key: NameKey, name: String)]] = [:]
            for kind in Array(inventory.models.keys) + [ServerDifference.nodes] {
                var seen: Set<NameKey> = []
                names[kind] = inventory.names(kind).compactMap { name in
                    let key = NameKey(name, kind)
                    return key.isEmpty || !seen.insert(key).inserted ? nil : (key, name.trimmed)
                }
            }
            self.names = names
        }
    }
}

/// What the name of a file or a node class is compared by: its bytes, which is what a server goes by.
struct NameKey: Sendable, Hashable {
    private let bytes: [UInt8]

    /// Whether the name has no letters.
    var isEmpty: Bool { bytes.isEmpty }
    /// The name with `/` between folders.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Takes a name; a server on Windows has `\` between folders where another one has `/`.
    init(_ name: String, _ kind: String) {
        let name = name.trimmed
        bytes = kind == ServerDifference.nodes ? Array(name.utf8) : name.utf8.map { $0 == backslash ? slash : $0 }
    }
}

private let slash = UInt8(ascii: "/")
private let backslash = UInt8(ascii: "\\")

extension ServerInventory {
    /// The names of a kind.
    fileprivate func names(_ kind: String) -> [String] {
        kind == ServerDifference.nodes ? nodeKeys : models[kind, default: []]
    }
}
