import PluginAPI
import PluginTestKit
import Synchronization
import Testing

@testable import Gateway

extension GatewayRig {
    /// Moves the clock until something is so; gives up after so much of its time, or after twenty seconds of ours.
    ///
    /// - Returns: how far the clock was moved.
    @discardableResult
    static func drive(
        _ clock: ManualClock, atMost limit: Duration = .seconds(900), _ what: String,
        location: SourceLocation = #_sourceLocation, until condition: @Sendable () async throws -> Bool
    ) async throws -> Duration {
        let (moved, isSo) = try await clock.drive(atMost: limit, until: condition)
        if isSo { return moved }
        Issue.record("it did not happen within \(moved): \(what)", sourceLocation: location)
        throw CancellationError()
    }

    /// Moves the clock, in steps that give everything time to act.
    static func pass(_ time: Duration, _ clock: ManualClock) async throws {
        let end = clock.now.advanced(by: time)
        try await drive(clock, atMost: time + .seconds(1), "time passes") { clock.now >= end }
    }

    /// Submits a small workflow while the clock is moved.
    func submitted(_ clock: ManualClock, _ extra: JSONObject = [:]) async throws -> String {
        try Self.id(of: await Self.during(clock) { await self.submit(extra) })
    }

    /// Moves the clock until something is finished.
    static func during<T: Sendable>(_ clock: ManualClock, _ body: @escaping @Sendable () async throws -> T) async throws
        -> T
    {
        let task = Task { try await body() }
        let isFinished = Flag()
        let watch = Task {
            _ = await task.result
            isFinished.set()
        }
        defer { watch.cancel() }
        try await drive(clock, "it is finished") { isFinished.isSet }
        return try await task.value
    }

    /// A job on disk.
    func stored(_ id: String) async throws -> Job? { try await engine.store.job(id)?.job }
}

/// Something that happens once.
final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
