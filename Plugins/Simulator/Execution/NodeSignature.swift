internal import PluginAPI

/// A number for what a node and all before it compute: equal signatures, equal results.
struct NodeSignature: Sendable, Hashable {
    private var low: UInt64 = 0xCBF2_9CE4_8422_2325
    private var high: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            low = (low ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
            high = ((high ^ UInt64(byte)) &* 0xD6E8_FEB8_6659_FD93) ^ (high >> 29)
        }
        // Marks the end of a piece.
        low = (low ^ 0x1FF) &* 0x0000_0100_0000_01B3
        high = high &* 0xD6E8_FEB8_6659_FD93 &+ 1
    }

    mutating func feed(_ number: UInt64) {
        feed((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
    }

    mutating func feed(_ other: NodeSignature) {
        feed(other.low)
        feed(other.high)
    }

    /// Both halves in one number, good enough as a seed.
    var folded: UInt64 { low ^ high }
}

extension NodeSignature {
    /// The signatures of all nodes of a prompt.
    ///
    /// - Parameter salt: Something that makes a node differ from itself in earlier runs, such as the state of a file.
    static func all(
        of prompt: JSONObject, catalog: NodeCatalog, salt: (_ id: String, _ type: NodeType, JSONObject) -> UInt64
    ) -> [String: NodeSignature] {
        var known: [String: NodeSignature] = [:]
        var open: Set<String> = []
        for (id, _) in prompt {
            var stack = [id]
            while let top = stack.last {
                guard known[top] == nil, let inputs = prompt[top]?["inputs"]?.objectValue else {
                    stack.removeLast()
                    continue
                }
                open.insert(top)
                let missing = inputs.compactMap { Link($0.value)?.node }.filter {
                    known[$0] == nil && !open.contains($0) && prompt[$0] != nil
                }
                guard missing.isEmpty else {
                    stack += missing
                    continue
                }
                stack.removeLast()
                known[top] = signature(of: top, prompt, inputs, known, catalog, salt)
            }
        }
        return known
    }

    private static func signature(
        of id: String, _ prompt: JSONObject, _ inputs: JSONObject, _ known: [String: NodeSignature],
        _ catalog: NodeCatalog, _ salt: (String, NodeType, JSONObject) -> UInt64
    ) -> NodeSignature {
        var signature = NodeSignature()
        let name = prompt[id]?["class_type"]?.stringValue ?? ""
        signature.feed(name.utf8)
        if let type = catalog[name] {
            signature.feed(salt(id, type, inputs))
            if type.knowsItsID { signature.feed(id.utf8) }
        }
        for key in inputs.keys.sorted() {
            signature.feed(key.utf8)
            guard let value = inputs[key] else { continue }
            guard let link = Link(value) else {
                signature.feed(value.serialized())
                continue
            }
            signature.feed(UInt64(bitPattern: Int64(link.slot)))
            if let upstream = known[link.node] { signature.feed(upstream) }
        }
        return signature
    }
}

/// An input that takes the output of another node: `["<node id>", <slot>]`.
struct Link: Sendable {
    var node: String
    var slot: Int

    init?(_ value: JSON) {
        guard let pair = value.arrayValue, pair.count == 2, let node = pair[0].stringValue, let slot = pair[1].intValue
        else { return nil }
        self.node = node
        self.slot = slot
    }
}
