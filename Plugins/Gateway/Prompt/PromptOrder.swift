import PluginAPI

/// The place a prompt asks for, in ComfyUI's terms (`comfyui/api.md` §1): smaller is earlier.
enum PromptOrder: Sendable, Equatable {
    /// After those that came before.
    case arrival
    /// Before those that wait: `front`.
    case front
    /// `number`.
    case number(Double)

    /// Reads `number` and `front`; a `number` wins.
    init(_ extra: JSONObject) {
        if let number = Self.number(extra["number"]) {
            self = .number(number)
        } else {
            self = Self.isTrue(extra["front"]) ? .front : .arrival
        }
    }

    /// The place of a job with an arrival number.
    func place(_ sequence: Int64) -> Double {
        switch self {
        case .arrival: Double(sequence)
        case .front: -Double(sequence)
        case .number(let number): number
        }
    }

    /// As Python's `float()`, as far as numbers and texts of numbers go.
    private static func number(_ value: JSON?) -> Double? {
        let number = value?.doubleValue ?? value?.stringValue.flatMap { Double($0) }
        return number.flatMap { $0.isFinite ? $0 : nil }
    }

    /// As Python's `bool()`.
    private static func isTrue(_ value: JSON?) -> Bool {
        guard let value else { return false }
        switch value {
        case .null: return false
        case .bool(let flag): return flag
        case .number: return value.doubleValue != 0
        case .string(let text): return !text.isEmpty
        case .array(let items): return !items.isEmpty
        case .object(let members): return members.count > 0
        }
    }
}
