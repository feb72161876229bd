/// Writes a value into a buffer without recursion: open containers are frames of a list.
struct JSONWriter: ~Copyable {
    enum Frame {
        case array([JSON], next: Int)
        case object(JSONObject, next: Int)
    }

    private let layout: JSONStyle.Layout
    private var buffer = JSONByteBuffer()
    private var frames: [Frame] = []

    init(style: JSONStyle) {
        layout = style.layout
    }

    /// What was written, as an array.
    var bytes: [UInt8] {
        buffer.withBytes { [UInt8]($0) }
    }

    /// What was written, as a string.
    var text: String {
        buffer.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// Appends what was written to other bytes.
    func append(to output: inout [UInt8]) {
        buffer.withBytes { output.append(contentsOf: $0) }
    }

    /// Writes a value and all that is in it.
    mutating func write(_ value: JSON) {
        open(value)
        while let frame = frames.popLast() {
            switch frame {
            case .array(let elements, let next): writeElements(elements, from: next)
            case .object(let object, let next): writeMembers(object, from: next)
            }
        }
    }

    /// Writes a scalar or an empty container, or opens a container whose content comes next.
    ///
    /// - Returns: Whether a container was opened.
    @discardableResult
    @inline(__always)
    private mutating func open(_ value: JSON) -> Bool {
        switch value {
        case .null: buffer.append("null")
        case .bool(let value): buffer.append(value ? "true" : "false")
        case .number(let number): buffer.append(number.literal)
        case .string(let string): writeString(string)
        case .array(let elements) where elements.isEmpty: buffer.append("[]")
        case .object(let object) where object.isEmpty: buffer.append("{}")
        case .array(let elements):
            buffer.append(UInt8(ascii: "["))
            frames.append(.array(elements, next: 0))
            return true
        case .object(let object):
            buffer.append(UInt8(ascii: "{"))
            frames.append(.object(object, next: 0))
            return true
        }
        return false
    }

    private mutating func writeElements(_ elements: [JSON], from start: Int) {
        let depth = frames.count + 1
        var next = start
        while next < elements.count {
            separate(isFirst: next == 0, depth: depth)
            // The frame has to lie below that of the element.
            let element = elements[next]
            next += 1
            if element.isContainer { frames.append(.array(elements, next: next)) }
            if open(element) { return }
        }
        close(UInt8(ascii: "]"), depth: depth)
    }

    private mutating func writeMembers(_ object: JSONObject, from start: Int) {
        let depth = frames.count + 1
        var next = start
        while next < object.members.count {
            separate(isFirst: next == 0, depth: depth)
            let member = object.members[next]
            writeString(member.key)
            buffer.append(UInt8(ascii: ":"))
            if layout != .compact { buffer.append(UInt8(ascii: " ")) }
            next += 1
            if member.value.isContainer { frames.append(.object(object, next: next)) }
            if open(member.value) { return }
        }
        close(UInt8(ascii: "}"), depth: depth)
    }

    @inline(__always)
    private mutating func separate(isFirst: Bool, depth: Int) {
        if !isFirst {
            buffer.append(UInt8(ascii: ","))
            if layout == .spaced { buffer.append(UInt8(ascii: " ")) }
        }
        if layout == .pretty { breakLine(depth: depth) }
    }

    @inline(__always)
    private mutating func close(_ bracket: UInt8, depth: Int) {
        if layout == .pretty { breakLine(depth: depth - 1) }
        buffer.append(bracket)
    }

    private mutating func breakLine(depth: Int) {
        buffer.append(UInt8(ascii: "\n"))
        for _ in 0..<depth { buffer.append("  ") }
    }

    @inline(__always)
    private mutating func writeString(_ string: String) {
        buffer.appendQuoted(string, asciiOnly: layout == .spaced)
    }
}

extension JSON {
    /// Whether this is an array or an object that has content.
    fileprivate var isContainer: Bool {
        switch self {
        case .array(let elements): !elements.isEmpty
        case .object(let object): !object.isEmpty
        default: false
        }
    }
}
