internal import PluginAPI

/// What travels along a link while a job runs.
enum NodeValue: Sendable {
    case picture(Picture)
    case json(JSON)
    /// A model, a conditioning and the like, of which only the type matters.
    case opaque(String)
    /// Whatever depends on it does not run; the message is shown once.
    case blocked(String?)

    /// The value as Python would print it.
    var text: String {
        switch self {
        case .picture(let picture): "tensor(shape=[\(picture.count), \(picture.height), \(picture.width), 3])"
        case .json(let value): Python.str(value)
        case .opaque(let type): "<\(type) object>"
        case .blocked: "<ExecutionBlocker object>"
        }
    }
}

/// What a node gave: one value per output, and what the user interface shows.
struct NodeResult: Sendable {
    var values: [NodeValue] = []
    var ui: JSON?
}
