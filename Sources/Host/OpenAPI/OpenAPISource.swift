import PluginAPI
import Synchronization

/// Keeps the bytes of the OpenAPI document of the current table, made when first asked for.
package final class OpenAPISource: Sendable {
    private struct State {
        var table: RouteTable?
        var bytes: [UInt8]?
    }

    private let info: OpenAPIInfo
    private let state = Mutex(State())

    /// Makes a source without routes.
    package init(info: OpenAPIInfo) {
        self.info = info
    }

    /// Takes another table; call beside ``Router/replace(_:)``.
    package func replace(_ table: RouteTable) {
        state.withLock { $0 = State(table: table) }
    }

    /// The document as compact JSON.
    package func bytes() -> [UInt8] {
        state.withLock { state in
            if let bytes = state.bytes { return bytes }
            guard let table = state.table else { return Array("{}".utf8) }
            let bytes = openAPIDocument(table: table, info: info).serialized(.compact)
            state.bytes = bytes
            return bytes
        }
    }
}
