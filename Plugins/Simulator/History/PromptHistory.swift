internal import PluginAPI

/// The finished jobs in the order in which their ids first appeared, each kept as the text that `/history` shows.
struct PromptHistory: Sendable {
    /// More entries push out the oldest.
    static let limit = 10_000

    private struct Entry {
        var order: Int
        var text: [UInt8]
    }

    private var entries: [String: Entry] = [:]
    /// Ids by order; removed ones leave a gap until the next tidying.
    private var order: [String?] = []
    /// Before this place of `order` are only gaps.
    private var head = 0

    var count: Int { entries.count }

    /// Adds an entry, or replaces one of the same id in its place.
    mutating func put(_ id: String, _ text: [UInt8]) {
        if let known = entries[id] {
            entries[id] = Entry(order: known.order, text: text)
            return
        }
        if entries.count >= Self.limit, let oldest { remove(oldest) }
        entries[id] = Entry(order: order.count, text: text)
        order.append(id)
    }

    /// Removes an entry, if it is there.
    mutating func remove(_ id: String) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        order[entry.order] = nil
        while head < order.count, order[head] == nil { head += 1 }
        if order.count > 64, order.count > 2 * entries.count { tidy() }
    }

    /// Removes all entries.
    mutating func removeAll() {
        self = PromptHistory()
    }

    /// The answer for one id.
    func text(of id: String) -> [UInt8] {
        guard let entry = entries[id] else { return Array("{}".utf8) }
        return Self.object([(id, entry.text)])
    }

    /// The answer for a page; ComfyUI's rules, odd ones included.
    func page(maximum: Int?, offset: Int) -> [UInt8] {
        var first = offset
        if offset < 0, let maximum { first = maximum < 0 ? .max : entries.count - maximum }
        var found: [(String, [UInt8])] = []
        for (place, id) in order.lazy.compactMap({ $0 }).enumerated() where place >= first {
            guard let entry = entries[id] else { continue }
            found.append((id, entry.text))
            if let maximum, found.count >= maximum { break }
        }
        return Self.object(found)
    }

    private var oldest: String? {
        head < order.count ? order[head] : nil
    }

    private mutating func tidy() {
        let live = order.compactMap { $0 }
        head = 0
        order = live
        for (place, id) in live.enumerated() { entries[id]?.order = place }
    }

    private static func object(_ members: [(String, [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        bytes.reserveCapacity(members.reduce(2) { $0 + $1.0.utf8.count + $1.1.count + 8 })
        for (place, member) in members.enumerated() {
            if place > 0 { bytes += Array(", ".utf8) }
            JSON.string(member.0).write(to: &bytes, style: .spaced)
            bytes += Array(": ".utf8)
            bytes += member.1
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
