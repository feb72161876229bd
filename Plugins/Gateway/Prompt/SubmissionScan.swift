import ComfyUI
import PluginAPI

/// Reads a body of `POST /api/prompt` without making values of its graph, whose bytes are passed on as they came.
///
/// It accepts only what ``PromptForm`` and ``Submission`` accept too.
struct SubmissionScan {
    /// The prompt, ready to be stored and sent.
    let submission: Submission

    /// Reads a body; `nil` when something about it is wrong or unusual.
    init?(_ body: [UInt8]) {
        let submission = body.withUnsafeBufferPointer { bytes -> Submission? in
            var reader = Reader(bytes: bytes)
            return reader.read()
        }
        guard let submission else { return nil }
        self.submission = submission
    }
}

/// What was found so far.
private struct Reader {
    let bytes: UnsafeBufferPointer<UInt8>
    private var keys: Set<String> = []
    private var prompt: Range<Int>?
    private var nodeCount = 0
    private var ids: [String: String] = [:]
    private var extras: [(key: String, place: Range<Int>)] = []
    /// Extras whose values matter.
    private var checked: JSONObject = [:]
    private var front: JSON?
    private var priority: Int?

    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    mutating func read() -> Submission? {
        var scanner = JSONScanner(bytes, options: Submission.parsing)
        do {
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                // Of equal keys the last one counts, which takes more than a scan.
                guard keys.insert(key).inserted, try take(key, &scanner) else { return nil }
            }
            try scanner.end()
            try PromptStructure.check(extra: checked)
        } catch {
            return nil
        }
        guard let prompt else { return nil }
        return Submission(
            promptID: ids["prompt_id"], clientID: ids["client_id"], priority: priority, order: order,
            nodeCount: nodeCount, body: joined(prompt))
    }

    private mutating func take(_ key: String, _ scanner: inout JSONScanner) throws(JSONParseError) -> Bool {
        switch key {
        case "prompt":
            guard scanner.kind == .object else { return false }
            let start = scanner.position
            guard try takeNodes(&scanner) else { return false }
            prompt = start..<scanner.position
        case "client_id", "prompt_id":
            let value = try value(at: try scanner.skip())
            guard value.isNull || value.stringValue != nil else { return false }
            ids[key] = value.stringValue
        case "priority":
            let value = try value(at: try scanner.skip())
            priority = value.intValue
            return value.isNull || priority != nil
        case "front":
            let place = try scanner.skip()
            front = try value(at: place)
            extras.append((key, place))
        case "extra_data":
            guard scanner.kind == .object else { return false }
            let start = scanner.position
            guard try takeExtraData(&scanner) else { return false }
            extras.append((key, start..<scanner.position))
        case "number", "partial_execution_targets":
            let place = try scanner.skip()
            checked[key] = try value(at: place)
            extras.append((key, place))
        default:
            extras.append((key, try scanner.skip()))
        }
        return true
    }

    private var order: PromptOrder {
        guard front != nil || checked["number"] != nil else { return .arrival }
        var extra: JSONObject = [:]
        extra["number"] = checked["number"]
        extra["front"] = front
        return PromptOrder(extra)
    }

    /// Steps over the graph: an object of objects, each with a text `class_type` and an object `inputs`.
    private mutating func takeNodes(_ scanner: inout JSONScanner) throws(JSONParseError) -> Bool {
        try scanner.beginObject()
        while try scanner.nextKey() != nil {
            guard scanner.kind == .object else { return false }
            nodeCount += 1
            var (classes, inputs) = (0, 0)
            try scanner.beginObject()
            while let key = try scanner.nextKey() {
                switch key {
                case "class_type":
                    guard scanner.kind == .string else { return false }
                    classes += 1
                case "inputs":
                    guard scanner.kind == .object else { return false }
                    inputs += 1
                default: break
                }
                try scanner.skip()
            }
            guard classes == 1, inputs == 1 else { return false }
        }
        return true
    }

    /// Steps over `extra_data`: an object whose `client_id`, if any, is a text or null, and its `extra_pnginfo` an object.
    private func takeExtraData(_ scanner: inout JSONScanner) throws(JSONParseError) -> Bool {
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
            if key == "client_id" {
                let id = try value(at: try scanner.skip())
                guard id.isNull || id.stringValue != nil else { return false }
            } else if key == "extra_pnginfo" {
                guard scanner.kind == .object else { return false }
                try scanner.skip()
            } else {
                try scanner.skip()
            }
        }
        return true
    }

    private func value(at place: Range<Int>) throws(JSONParseError) -> JSON {
        try JSON(parsing: UnsafeBufferPointer(rebasing: bytes[place]))
    }

    /// `{"prompt": …, …}` of the bytes that came.
    private func joined(_ prompt: Range<Int>) -> [UInt8] {
        var body = Array(#"{"prompt":"#.utf8)
        body.reserveCapacity(bytes.count + 16)
        body.append(contentsOf: bytes[prompt])
        for extra in extras {
            body.append(UInt8(ascii: ","))
            JSON.string(extra.key).write(to: &body)
            body.append(UInt8(ascii: ":"))
            body.append(contentsOf: bytes[extra.place])
        }
        body.append(UInt8(ascii: "}"))
        return body
    }
}
