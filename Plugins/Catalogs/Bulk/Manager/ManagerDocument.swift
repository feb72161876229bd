import PluginAPI

/// One of the lists that ComfyUI-Manager keeps in its repository, and where its entries are in the text.
struct ManagerDocument: Sendable {
    /// Which of the lists, by the name of its file there.
    enum Shape: String, Sendable {
        /// `{"models": [{…}]}`.
        case models = "model-list.json"
        /// `{"<repository>": [["<node class>"], {"title_aux": …}]}`.
        case nodeMap = "extension-node-map.json"
        /// `{"custom_nodes": [{…}]}`.
        case nodeList = "custom-node-list.json"
    }

    /// The most entries of a list, and the most node classes in it; those of 2026 have 4,500 and 30,000.
    static let mostEntries = 200_000

    /// Which list it is, told by what is in it.
    let shape: Shape
    /// Its entries: the key that each has in its object, if it is in one, and its place.
    private let entries: [(name: String, place: Range<Int>)]
    private let bytes: [UInt8]

    /// Finds the entries of a text.
    ///
    /// - Throws: ``HTTPError`` 422 when it is not JSON, or none of the lists.
    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        do {
            (shape, entries) = try bytes.withUnsafeBufferPointer { try Self.scan($0) }
            guard entries.count <= Self.mostEntries else { throw Self.tooMany("entries") }
        } catch let error as JSONParseError {
            throw BodyForm.refusal([
                BodyForm.problem(
                    "json_invalid", ["body", .number(JSONNumber(error.offset))],
                    "JSON decode error: \(error)", [:])
            ])
        }
    }

    /// How many entries it has.
    var count: Int { entries.count }

    /// An entry; `nil` when there is none of that number.
    func entry(_ index: Int) -> (name: String, value: JSON)? {
        guard entries.indices.contains(index) else { return nil }
        let (name, place) = entries[index]
        // It was checked when the text was scanned.
        return (name, (try? JSON(parsing: Array(bytes[place]))) ?? .null)
    }

    /// 413 for a list that is too long.
    static func tooMany(_ what: String) -> HTTPError {
        HTTPError(.contentTooLarge, "http.body_too_large", "The list has more than \(mostEntries) \(what).")
    }

    private static func scan(
        _ text: UnsafeBufferPointer<UInt8>
    ) throws -> (Shape, [(name: String, place: Range<Int>)]) {
        var scanner = JSONScanner(text)
        var members: [(name: String, place: Range<Int>)] = []
        var list: (Shape, [(name: String, place: Range<Int>)])?
        var isMap = true
        guard scanner.kind == .object else {
            try scanner.skip()
            throw unknown
        }
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
            let kind = scanner.kind
            if kind == .array, list == nil, let shape = lists[key] {
                list = (shape, try elements(&scanner))
            } else {
                isMap = isMap && kind == .array
                members.append((key, try scanner.skip()))
            }
        }
        try scanner.end()
        if let list { return list }
        guard isMap, !members.isEmpty else { throw unknown }
        return (.nodeMap, members)
    }

    private static func elements(_ scanner: inout JSONScanner) throws -> [(name: String, place: Range<Int>)] {
        var places: [(name: String, place: Range<Int>)] = []
        try scanner.beginArray()
        while try scanner.nextElement() { places.append(("", try scanner.skip())) }
        return places
    }

    private static let lists: [String: Shape] = ["models": .models, "custom_nodes": .nodeList]

    private static var unknown: HTTPError {
        BodyForm.refusal([
            BodyForm.problem(
                "value_error", ["body"],
                """
                Input should be ComfyUI-Manager's model-list.json, extension-node-map.json or custom-node-list.json; for rows of a catalog \
                use format=jsonl
                """, [:])
        ])
    }
}
