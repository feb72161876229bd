import Host
import PluginAPI
import Testing

/// Runs a test with a client on loops of its own.
func withClient(
    loops: Int = 1, settings: HTTPClientSettings = HTTPClientSettings(),
    _ test: (CurlHTTPClient, EventLoopGroup) async throws -> Void
) async throws {
    let group = EventLoopGroup(count: loops)
    let client = CurlHTTPClient(group: group, settings: settings)
    let result: Result<Void, any Error>
    do {
        try await test(client, group)
        result = .success(())
    } catch {
        result = .failure(error)
    }
    await client.shutDown()
    group.shutDown()
    try result.get()
}

/// The client's error that a body throws.
func clientError(
    _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws -> HTTPClientError {
    do {
        try await body()
    } catch let error as HTTPClientError {
        return error
    }
    Issue.record("no error was thrown", sourceLocation: location)
    return HTTPClientError(.connection, mayHaveBeenProcessed: false, "none")
}

/// Waits until a condition holds, at most ten seconds.
func becomesTrue(
    _ location: SourceLocation = #_sourceLocation, _ condition: () async -> Bool
) async throws {
    for _ in 0..<2000 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("it did not become true", sourceLocation: location)
}

extension ClientResponse {
    /// The body as text.
    var text: String {
        get async throws { String(decoding: try await body.collect(upTo: 64 << 20), as: UTF8.self) }
    }
}

extension Semaphore {
    /// Waits for a signal without holding one of the few threads that run tasks.
    func signalled() async {
        await withCheckedContinuation { done in
            _ = WorkerThread(name: "wait") {
                self.wait()
                done.resume()
            }
        }
    }
}

/// Bytes that show when a piece is missing or in the wrong place.
func patternBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        var value: UInt8 = 0
        for index in 0..<count {
            buffer[index] = value
            value = value == 250 ? 0 : value + 1
        }
        initialized = count
    }
}
