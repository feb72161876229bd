internal import PluginAPI

/// A number for what a node and all before it compute: equal signatures, equal results.
struct NodeSignature: Sendable, Hashable {
    private var low: UInt64 = 0xCBF2_9CE4_8422_2325
    private var high: UInt64 = 0x9E37_79B9_7F4A_7C15

    mutating func feed(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            // The length keeps pieces apart.
            feed(UInt64(bytes.count))
            let bytes = UnsafeRawBufferPointer(bytes)
            var place = 0
            while place + 8 <= bytes.count {
                feed(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                place += 8
            }
            guard place < bytes.count else { return }
            feed(bytes[place...].reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    mutating func feed(_ number: UInt64) {
        low = (low ^ number) &* 0x0000_0100_0000_01B3
        low ^= low >> 32
        high = ((high ^ number) &* 0xD6E8_FEB8_6659_FD93) ^ (high >> 29)
    }

    /// Feeds a value; its kind keeps `1` and `"1"` apart.
    mutating func feed(_ value: JSON) {
        switch value {
        case .string(let text):
            feed(1 as UInt64)
            feed(text)
        case .number(let number):
            feed(2 as UInt64)
            feed(number.literal)
        default:
            feed(3 as UInt64)
            feed(value.text())
        }
    }

    /// Adds a part whose place among the parts does not matter.
    mutating func add(_ part: NodeSignature) {
        low &+= part.low
        high &+= part.high
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
        var known = [String: NodeSignature](minimumCapacity: prompt.count)
        var open: Set<String> = []
        for (id, node) in prompt {
            var stack = [(id, node)]
            while let (top, node) = stack.last {
                guard let inputs = node["inputs"]?.objectValue, known[top] == nil else {
                    stack.removeLast()
                    continue
                }
                var missing: [(String, JSON)] = []
                for (_, value) in inputs {
                    guard let link = Link(value)?.node, known[link] == nil, link != top, !open.contains(link),
                        let upstream = prompt[link]
                    else { continue }
                    missing.append((link, upstream))
                }
                guard missing.isEmpty else {
                    open.insert(top)
                    stack += missing
                    continue
                }
                stack.removeLast()
                known[top] = signature(of: top, node["class_type"]?.stringValue ?? "", inputs, known, catalog, salt)
            }
        }
        return known
    }

    private static func signature(
        of id: String, _ name: String, _ inputs: JSONObject, _ known: [String: NodeSignature],
        _ catalog: NodeCatalog, _ salt: (String, NodeType, JSONObject) -> UInt64
    ) -> NodeSignature {
        var signature = NodeSignature()
        signature.feed(name)
        if let type = catalog[name] {
            signature.feed(salt(id, type, inputs))
            if type.knowsItsID { signature.feed(id) }
        }
        for (key, value) in inputs {
            var part = NodeSignature()
            part.feed(key)
            if let link = Link(value) {
                part.feed(UInt64(bitPattern: Int64(link.slot)))
                if let upstream = known[link.node] { part.feed(upstream) }
            } else {
                part.feed(value)
            }
            signature.add(part)
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
