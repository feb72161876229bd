internal import PluginAPI

/// The forms in which ComfyUI answers.
enum Answer {
    /// JSON as Python prints it.
    static func json(_ value: JSON, status: Status = .ok) -> Response {
        json(bytes: value.serialized(.spaced), status: status)
    }

    /// JSON that is already text.
    static func json(bytes: [UInt8], status: Status = .ok) -> Response {
        Response(status: status, headers: ["Content-Type": "application/json; charset=utf-8"], body: .bytes(bytes))
    }

    /// No body and no type, as commands and most refusals are answered.
    static func empty(_ status: Status = .ok) -> Response {
        Response(status: status)
    }

    /// What any uncaught exception becomes.
    static var exception: Response {
        var response = Response.text(
            "500 Internal Server Error\n\nServer got itself in trouble", status: .internalServerError)
        response.headers["Connection"] = "close"
        return response
    }

    /// A path that the server knows with other methods.
    static func methodNotAllowed(_ allowed: String) -> Response {
        var response = Response.text("405: Method Not Allowed", status: .methodNotAllowed)
        response.headers["Allow"] = allowed
        return response
    }

    /// A path that no file has.
    static var unknownPath: Response {
        Response(
            status: .notFound, headers: ["Content-Type": "application/octet-stream"],
            body: .stream(length: nil) { _ in })
    }

    /// A body above the limit.
    static var tooLarge: Response {
        .text("Maximum request body size \(Limits.body) exceeded.", status: .contentTooLarge)
    }

    /// An answer that never comes: the connection is closed after the head, which is all the daemon lets a plugin do.
    static func nothing(_ status: Status) -> Response {
        Response(status: status, body: .stream(length: 1) { _ in throw ConnectionCut() })
    }

    /// Why a connection ended.
    struct ConnectionCut: Error, CustomStringConvertible {
        let description = "the simulator closes this connection"
    }
}

/// Limits of the real server.
enum Limits {
    /// The largest body, of JSON too.
    static let body = 104_857_600
}

extension Surface {
    /// Errors as the real server words them.
    static let comfyUI = Surface(name: "comfyui-simulator") { error, request in
        switch error.status {
        case .notFound where request.method == .get || request.method == .head: Answer.unknownPath
        case .notFound, .methodNotAllowed: Answer.methodNotAllowed("GET,HEAD")
        case .contentTooLarge: Answer.tooLarge
        case 426:
            .text("No WebSocket UPGRADE hdr: None\n Can \"Upgrade\" only to \"WebSocket\".", status: .badRequest)
        case .internalServerError: Answer.exception
        default: .text("\(error.status): \(error.message)", status: error.status)
        }
    }
}

extension Request {
    /// The body as JSON, or the exception that the real server answers with 500.
    func pythonJSON() async throws -> JSON {
        let bytes = try await body.collect(upTo: Limits.body)
        do throws(JSONParseError) {
            return try JSON(parsing: bytes, options: JSONParseOptions(allowsNonFiniteNumbers: true))
        } catch {
            throw PythonError("json.decoder.JSONDecodeError", error.description)
        }
    }
}

extension JSON {
    /// Python's `key in value`; raises for what is no container.
    func contains(key: String) throws(PythonError) -> Bool {
        switch self {
        case .object(let members): return members.contains(key)
        case .array(let items): return items.contains(.string(key))
        case .string(let text): return text.contains(key)
        default: throw PythonError("TypeError", "argument of type '\(Python.typeName(self))' is not iterable")
        }
    }

    /// Python's `value[key]`, after `key in value`; raises for what is no dictionary.
    func item(_ key: String) throws(PythonError) -> JSON {
        guard let value = self[key] else { throw PythonError("TypeError", "indices must be integers, not 'str'") }
        return value
    }
}
