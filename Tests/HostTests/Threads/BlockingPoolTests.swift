import Host
import Testing

@Suite("threads for blocking calls", .timeLimit(.minutes(1)))
struct BlockingPoolTests {
    @Test("work that comes after the end is refused instead of waiting for ever")
    func afterTheEnd() async throws {
        let pool = BlockingPool(threads: 1)
        #expect(try await pool.run { 7 } == 7)
        pool.shutDown()
        await #expect(throws: CancellationError.self) { try await pool.run { 8 } }
        #expect(pool.submit {} == false)
    }
}
