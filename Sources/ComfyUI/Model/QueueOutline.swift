import PluginAPI

/// The ids in a server's queue, without the workflows.
///
/// An answer of `GET /queue` holds every workflow in full and can have a hundred megabytes. For watching a server the
/// ids are enough, so this skips over the rest instead of making values of it.
public struct QueueOutline: Sendable {
    /// The ids of what runs.
    public let running: [String]
    /// The ids of what waits, in the order in which it will run.
    public let pending: [String]

    /// Takes ids.
    public init(running: [String], pending: [String]) {
        self.running = running
        self.pending = pending
    }

    /// Takes the ids of a snapshot.
    public init(_ snapshot: QueueSnapshot) {
        self.init(running: snapshot.running.map(\.promptID), pending: snapshot.pending.map(\.promptID))
    }

    /// Reads an answer of `GET /queue`; `nil` when it has not the usual form.
    public init?(scanning bytes: [UInt8]) {
        let lists = bytes.withUnsafeBufferPointer { buffer -> (running: [QueueKey], pending: [QueueKey])? in
            var scanner = QueueScanner(buffer)
            return scanner.scan()
        }
        guard let lists else { return nil }
        running = lists.running.map(\.promptID)
        pending = lists.pending.sorted { $0.precedes($1) }.map(\.promptID)
    }
}

/// What decides about the place of a prompt in a server's queue.
struct QueueKey {
    /// Lower runs earlier.
    var number: Double
    /// Decides between equal numbers.
    var promptID: String

    /// Whether it runs before another one: by number, then by the text of the id, as the server's heap compares.
    func precedes(_ other: QueueKey) -> Bool {
        guard number == other.number else { return number < other.number }
        return promptID.unicodeScalars.lexicographicallyPrecedes(other.promptID.unicodeScalars)
    }
}

/// Walks over the JSON text of a queue; every step ends at the end of the text.
private struct QueueScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    mutating func scan() -> (running: [QueueKey], pending: [QueueKey])? {
        var running: [QueueKey]?
        var pending: [QueueKey]?
        guard take(UInt8(ascii: "{")) else { return nil }
        repeat {
            guard let key = value(), take(UInt8(ascii: ":")) else { return nil }
            switch JSON.text(key) {
            case "queue_running": running = items()
            case "queue_pending": pending = items()
            default: if value() == nil { return nil }
            }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")), let running, let pending else { return nil }
        return (running, pending)
    }

    /// The items of a list: `[number, id, …]`.
    private mutating func items() -> [QueueKey]? {
        guard take(UInt8(ascii: "[")) else { return nil }
        var keys: [QueueKey] = []
        guard !take(UInt8(ascii: "]")) else { return keys }
        repeat {
            guard take(UInt8(ascii: "[")), let number = value(), take(UInt8(ascii: ",")), let id = value(),
                let promptID = JSON.text(id)
            else { return nil }
            while take(UInt8(ascii: ",")) { if value() == nil { return nil } }
            guard take(UInt8(ascii: "]")) else { return nil }
            keys.append(QueueKey(number: JSON.number(number), promptID: promptID))
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? keys : nil
    }

    /// Skips white space, and then this byte if it is there.
    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard place < bytes.count, bytes[place] == byte else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while place < bytes.count, bytes[place] <= 32 { place += 1 }
    }

    /// Skips a value and gives its text; `nil` when there is none, or it does not end.
    private mutating func value() -> UnsafeBufferPointer<UInt8>? {
        skipSpace()
        let start = place
        guard place < bytes.count else { return nil }
        switch bytes[place] {
        case UInt8(ascii: "\""): guard skipString() else { return nil }
        case UInt8(ascii: "{"), UInt8(ascii: "["): guard skipNested() else { return nil }
        default: skipScalar()
        }
        return place > start ? UnsafeBufferPointer(rebasing: bytes[start..<place]) : nil
    }

    private mutating func skipString() -> Bool {
        place += 1
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                place += 1
                return true
            case UInt8(ascii: "\\"): place += 2
            default: place += 1
            }
        }
        return false
    }

    private mutating func skipNested() -> Bool {
        var depth = 0
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                guard skipString() else { return false }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            place += 1
            if depth == 0 { return true }
        }
        return false
    }

    private mutating func skipScalar() {
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"), 0...32: return
            default: place += 1
            }
        }
    }
}

extension JSON {
    /// The text of a JSON string; `nil` when it is something else.
    fileprivate static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        (try? JSON(parsing: bytes))?.stringValue
    }

    /// A JSON number; 0 when it is something else.
    fileprivate static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Double {
        let options = JSONParseOptions(allowsNonFiniteNumbers: true)
        guard let value = (try? JSON(parsing: bytes, options: options))?.doubleValue, !value.isNaN else { return 0 }
        return value
    }
}
