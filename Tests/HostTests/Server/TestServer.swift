import Glibc
import Host
import PluginAPI
import Testing

/// A responder made of a closure; refusals are rendered in the native dialect.
struct ClosureResponder: HTTPResponder {
    let body: @Sendable (Request) async -> ServerReply

    func respond(to request: Request) async -> ServerReply { await body(request) }

    func refusal(_ error: HTTPError, for request: Request) -> Response {
        var response = Surface.native.render(error, request)
        for field in error.headers.fields { response.headers.append(field.name, field.value) }
        return response
    }
}

/// Runs a server on a port that the system chose for as long as the body runs.
func withServer<R>(
    limits: HTTPLimits = HTTPLimits(), tls: (certificate: String, key: String)? = nil, loops: Int = 2,
    address: String = "127.0.0.1",
    respond: @escaping @Sendable (Request) async -> ServerReply,
    _ body: (HTTPServer, UInt16) async throws -> R
) async throws -> R {
    let group = EventLoopGroup(count: loops)
    let files = BlockingPool(name: "files", threads: 2)
    let listener = HTTPServerConfiguration.Listener(
        address: address, port: 0, certificate: tls?.certificate, key: tls?.key)
    let server = HTTPServer(
        configuration: HTTPServerConfiguration(listeners: [listener], limits: limits), group: group,
        responder: ClosureResponder(body: respond), logger: Logger(), files: files)
    try await server.start()
    let port = try #require(server.boundAddresses.first?.port)
    let result: Result<R, any Error>
    do {
        result = .success(try await body(server, port))
    } catch {
        result = .failure(error)
    }
    await server.drain(timeout: .milliseconds(100))
    group.shutDown()
    files.shutDown()
    return try result.get()
}

/// Answers 200 with text.
func text(_ text: String) -> ServerReply { .response(.text(text)) }

/// A temporary directory that is removed at the end of the body.
func withTemporaryDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    var template = Array("/tmp/comfyd-test-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    let path = try #require(made)
    defer { system("rm -rf '\(path)'") }
    return try await body(path)
}
