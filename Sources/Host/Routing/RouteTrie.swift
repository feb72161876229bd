import Glibc
import PluginAPI

/// A tree over path segments in a few flat arrays: a look-up touches no reference count and allocates nothing.
struct RouteTrie: Sendable {
    /// What a place of the tree leads to; -1 is nothing.
    struct Node {
        var firstSlot = 0
        /// The size of the hash table of literal children less one, a power of two; -1 without children.
        var mask = -1
        var parameter = -1
        var endpoint = -1
        var restEndpoint = -1
        /// The dialect of everything from here on, as a number of the table.
        var surface = -1
    }

    struct Slot {
        var hash: UInt64 = 0
        var textStart = 0
        var textCount = 0
        var child = -1
    }

    struct MethodEntry {
        var method: MethodCode
        var name: String
        var route: Int
    }

    private(set) var nodes: [Node]
    private let slots: [Slot]
    private let texts: [UInt8]
    private let endpoints: [[MethodEntry]]

    init(nodes: [Node], slots: [Slot], texts: [UInt8], endpoints: [[MethodEntry]]) {
        self.nodes = nodes
        self.slots = slots
        self.texts = texts
        self.endpoints = endpoints
    }

    /// The route of a path: literals before parameters before the rest, going back where a way ends.
    func route(for path: RequestPath, _ method: HTTPMethod) -> Int? {
        guard path.isClean else { return nil }
        let found = find(0, 0, path, MethodCode(method), method)
        return found < 0 ? nil : found
    }

    private func find(_ index: Int, _ depth: Int, _ path: RequestPath, _ code: MethodCode, _ method: HTTPMethod) -> Int
    {
        let node = nodes[index]
        guard depth < path.segments.count else { return route(at: node.endpoint, code, method) }
        let literal = child(of: node, path, depth)
        if literal >= 0 {
            let found = find(literal, depth + 1, path, code, method)
            if found >= 0 { return found }
        }
        if node.parameter >= 0 {
            let found = find(node.parameter, depth + 1, path, code, method)
            if found >= 0 { return found }
        }
        return route(at: node.restEndpoint, code, method)
    }

    private func route(at endpoint: Int, _ code: MethodCode, _ method: HTTPMethod) -> Int {
        guard endpoint >= 0 else { return -1 }
        var fallback = -1
        for entry in endpoints[endpoint] {
            if entry.method == code, code != .other || entry.name == method.rawValue { return entry.route }
            if code == .head, entry.method == .get { fallback = entry.route }
        }
        return fallback
    }

    /// The routes of all methods that the path has, for `Allow`.
    func routesOfAllMethods(for path: RequestPath) -> [Int] {
        guard path.isClean else { return [] }
        var found: [Int] = []
        collect(0, 0, path, &found)
        return found
    }

    private func collect(_ index: Int, _ depth: Int, _ path: RequestPath, _ found: inout [Int]) {
        let node = nodes[index]
        guard depth < path.segments.count else {
            if node.endpoint >= 0 { found += endpoints[node.endpoint].map(\.route) }
            return
        }
        let literal = child(of: node, path, depth)
        if literal >= 0 { collect(literal, depth + 1, path, &found) }
        if node.parameter >= 0 { collect(node.parameter, depth + 1, path, &found) }
        if node.restEndpoint >= 0 { found += endpoints[node.restEndpoint].map(\.route) }
    }

    /// The dialect of the longest claimed prefix, -1 when nobody claimed one.
    func surface(for path: RequestPath) -> Int {
        var index = 0
        var surface = nodes[0].surface
        for depth in path.segments.indices {
            index = child(of: nodes[index], path, depth)
            guard index >= 0 else { break }
            if nodes[index].surface >= 0 { surface = nodes[index].surface }
        }
        return surface
    }

    private func child(of node: Node, _ path: RequestPath, _ depth: Int) -> Int {
        guard node.mask >= 0 else { return -1 }
        let segment = path.segments[depth]
        var place = Int(truncatingIfNeeded: segment.hash) & node.mask
        // Ends at an empty slot: tables are at most half full.
        while true {
            let slot = slots[node.firstSlot + place]
            guard slot.child >= 0 else { return -1 }
            if slot.hash == segment.hash, isText(slot, path.bytes[segment.range]) { return slot.child }
            place = (place + 1) & node.mask
        }
    }

    private func isText(_ slot: Slot, _ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard slot.textCount == bytes.count else { return false }
        return texts.withUnsafeBufferPointer { texts in
            UnsafeBufferPointer(rebasing: texts[slot.textStart..<slot.textStart + slot.textCount])
                .elementsEqual(UnsafeBufferPointer(rebasing: bytes))
        }
    }
}

/// The common methods as numbers, so that a look-up compares no text.
enum MethodCode: Int, Sendable {
    case get
    case head
    case post
    case put
    case patch
    case delete
    case options
    case other

    init(_ method: HTTPMethod) {
        switch method.rawValue {
        case "GET": self = .get
        case "HEAD": self = .head
        case "POST": self = .post
        case "PUT": self = .put
        case "PATCH": self = .patch
        case "DELETE": self = .delete
        case "OPTIONS": self = .options
        default: self = .other
        }
    }

    /// The method's name as a label; whatever else a client sends is one word.
    var label: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .other: "other"
        }
    }
}
