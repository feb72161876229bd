public import PluginAPI

/// One frame of a server's WebSocket.
public struct ComfyEvent: Sendable {
    /// What it says.
    public let message: ComfyMessage
    /// The `type` of a text frame; `preview` or `text` of a binary one.
    public let type: String
    /// The `data` of a text frame, as it came; `null` of a binary one.
    public let data: JSON

    /// Makes an event.
    public init(message: ComfyMessage, type: String, data: JSON = .null) {
        self.message = message
        self.type = type
        self.data = data
    }

    /// The prompt it is about; messages of kinds that are not known here may name one too.
    public var promptID: String? {
        message.promptID ?? data["prompt_id"]?.stringValue
    }

    /// Reads a text frame; `nil` when it is not a message of the form `{"type", "data"}`.
    public init?(text: String) {
        let options = JSONParseOptions(allowsNonFiniteNumbers: true)
        guard let frame = try? JSON(parsing: text, options: options), let type = frame["type"]?.stringValue else {
            return nil
        }
        let data = frame["data"] ?? .null
        self.init(message: ComfyMessage(type: type, data: data), type: type, data: data)
    }

    /// Reads a binary frame; `nil` when it is cut short or of an unknown kind.
    public init?(binary bytes: [UInt8]) {
        switch Self.integer(bytes, at: 0) {
        case 1:
            guard let format = Self.integer(bytes, at: 4) else { return nil }
            let preview = PreviewImage(
                promptID: nil, nodeID: nil, mimeType: format == 2 ? "image/png" : "image/jpeg",
                image: Array(bytes.dropFirst(8)))
            self.init(message: .preview(preview), type: "preview")
        case 3:
            guard let (node, text) = Self.headed(bytes) else { return nil }
            let words = String(decoding: text, as: UTF8.self)
            self.init(message: .text(nodeID: String(decoding: node, as: UTF8.self), words), type: "text")
        case 4:
            guard let (head, image) = Self.headed(bytes), let facts = try? JSON(parsing: Array(head)) else {
                return nil
            }
            let preview = PreviewImage(
                promptID: facts["prompt_id"]?.stringValue,
                nodeID: facts["display_node_id"]?.stringValue ?? facts["node_id"]?.stringValue,
                mimeType: facts["image_type"]?.stringValue ?? "image/jpeg", image: Array(image))
            self.init(message: .preview(preview), type: "preview", data: facts)
        default:
            return nil
        }
    }

    /// A big-endian number of 32 bits; `nil` past the end.
    private static func integer(_ bytes: [UInt8], at offset: Int) -> UInt32? {
        guard bytes.count >= offset + 4 else { return nil }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Splits what follows the kind: a length, that many bytes, and the rest.
    private static func headed(_ bytes: [UInt8]) -> (head: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
        guard let length = integer(bytes, at: 4).map({ Int($0) }), length <= bytes.count - 8 else { return nil }
        return (bytes[8..<8 + length], bytes[(8 + length)...])
    }
}

/// A preview of what a node is working on.
public struct PreviewImage: Sendable, Equatable {
    /// The prompt; `nil` in the form for clients without feature flags.
    public let promptID: String?
    /// The node as the graph names it, if said.
    public let nodeID: String?
    /// `image/jpeg` or `image/png`.
    public let mimeType: String
    /// The image.
    public let image: [UInt8]
}
