import Glibc
import PluginAPI
import Testing

@Suite("JSON depth")
struct JSONDepthTests {
    @Test("a value of the greatest depth is parsed, written, compared and released on a small stack")
    func smallStack() async throws {
        let arrays = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        let objects = String(repeating: "{\"k\":", count: 511) + "{}" + String(repeating: "}", count: 511)
        let mixed = String(repeating: "[{\"k\":", count: 256) + "1" + String(repeating: "}]", count: 256)
        for text in [arrays, objects, mixed] {
            let outcome = try await onThread(stackSize: 512 << 10) {
                guard var json = try? JSON(parsing: text), let other = try? JSON(parsing: text) else {
                    return "refused"
                }
                guard json == other, Set([json, other]).count == 1 else { return "unequal" }
                guard json.text() == text, let pretty = try? JSON(parsing: json.text(.pretty)) else { return "text" }
                guard pretty == json, (try? JSON(encoding: json)) == json else { return "copy" }
                json = .null
                return "fine"
            }
            #expect(outcome == "fine")
        }
    }

    @Test("one level more is an error")
    func tooDeep() {
        let message = "nested deeper than 512 levels"
        let arrays = String(repeating: "[", count: 513) + String(repeating: "]", count: 513)
        #expect(throws: JSONParseError(message: message, offset: 512, line: 1, column: 513)) {
            try JSON(parsing: arrays)
        }
        let objects = String(repeating: "{\"k\":", count: 513)
        #expect(throws: JSONParseError(message: message, offset: 2560, line: 1, column: 2561)) {
            try JSON(parsing: objects)
        }
    }

    @Test("a million brackets are an error, not an overflow")
    func hostile() async throws {
        let outcome = try await onThread(stackSize: 512 << 10) {
            let bracket = Array(repeating: UInt8(ascii: "["), count: 1_000_000)
            let options = JSONParseOptions(maximumDepth: .max)
            guard (try? JSON(parsing: bracket)) == nil else { return "accepted" }
            return (try? JSON(parsing: bracket, options: options)) == nil ? "fine" : "accepted"
        }
        #expect(outcome == "fine")
    }

    @Test("the limit counts open containers only", arguments: [0, 1, 2])
    func limits(depth: Int) throws {
        let options = JSONParseOptions(maximumDepth: depth)
        #expect(try JSON(parsing: "1", options: options) == 1)
        let inside = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        if depth > 0 {
            #expect(throws: Never.self) { try JSON(parsing: inside, options: options) }
            #expect(throws: Never.self) { try JSON(parsing: "[1,2,3]", options: options) }
        }
        if depth > 1 { #expect(throws: Never.self) { try JSON(parsing: "[[],[],{}]", options: options) } }
        #expect(throws: JSONParseError.self) { try JSON(parsing: "[\(inside)]", options: options) }
    }

    /// Runs work on a thread of its own, and gives its outcome.
    private func onThread(stackSize: Int, _ work: @escaping @Sendable () -> String) async throws -> String {
        var attributes = pthread_attr_t()
        try #require(pthread_attr_init(&attributes) == 0)
        try #require(pthread_attr_setstacksize(&attributes, stackSize) == 0)
        defer { pthread_attr_destroy(&attributes) }
        return await withCheckedContinuation { continuation in
            let job = Unmanaged.passRetained(Job { continuation.resume(returning: work()) })
            var thread = pthread_t()
            let status = pthread_create(
                &thread, &attributes,
                { pointer in
                    guard let pointer else { return nil }
                    Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().work()
                    return nil
                }, job.toOpaque())
            if status == 0 {
                pthread_detach(thread)
            } else {
                job.release()
                continuation.resume(returning: "no thread")
            }
        }
    }

    private final class Job: Sendable {
        let work: @Sendable () -> Void

        init(_ work: @escaping @Sendable () -> Void) {
            self.work = work
        }
    }
}
