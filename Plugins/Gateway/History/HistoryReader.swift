import ComfyUI
import PluginAPI

/// One of the results of a list.
enum HistoryItem: Sendable {
    /// Stored here.
    case stored(promptID: String)
    /// In a worker's history only.
    case foreign(ForeignResult)
}

/// Reads lists of results: the stored ones, and those that workers have of prompts of others.
struct HistoryReader: Sendable {
    /// What knows the jobs and the workers.
    let engine: JobEngine

    /// How many results a list has unless it is said.
    static let usualLength = 100
    /// The longest list.
    static let longest = 1000
    /// How many results a ComfyUI server keeps.
    private static let longestOfWorker = 10_000

    /// A list of results, the oldest first; a part of it as ComfyUI cuts it.
    ///
    /// - Throws: ``DatabaseError``.
    func read(_ range: HistoryRange) async throws -> [HistoryItem] {
        let count = min(Self.longest, range.maxItems ?? Self.usualLength)
        guard count > 0 else { return [] }
        let offset = range.offset.flatMap { $0 < 0 ? nil : $0 }
        // What others sent belongs to nobody.
        let foreign =
            range.caller == nil
            ? await engine.foreign.results(
                newest: offset == nil ? count : Self.longestOfWorker, besides: engine.clientID) : []
        guard let offset else {
            let newest = try await engine.store.results(of: range.caller, newest: count)
            return Array(Self.merged(newest, foreign).suffix(count))
        }
        // Before the part there are as many stored ones as its offset, or fewer by as many as there are foreign ones.
        let skipped = max(0, offset - foreign.count)
        let stored = try await engine.store.results(
            of: range.caller, oldest: count + foreign.count, after: skipped)
        return Array(Self.merged(stored, foreign).dropFirst(offset - skipped).prefix(count))
    }

    private static func merged(_ stored: [StoredResult], _ foreign: [ForeignResult]) -> [HistoryItem] {
        var items: [HistoryItem] = []
        items.reserveCapacity(stored.count + foreign.count)
        let own = Set(stored.map(\.promptID))
        var rest = foreign[...]
        func take(before time: Timestamp?) {
            while let next = rest.first, time.map({ next.finishedAt < $0 }) ?? true {
                rest = rest.dropFirst()
                if !own.contains(next.promptID) { items.append(.foreign(next)) }
            }
        }
        for result in stored {
            take(before: result.finishedAt)
            items.append(.stored(promptID: result.promptID))
        }
        take(before: nil)
        return items
    }

    /// One result as ComfyUI has it; `nil` when it was deleted meanwhile.
    ///
    /// - Throws: ``DatabaseError``.
    func entry(_ item: HistoryItem) async throws -> (promptID: String, entry: JSON)? {
        switch item {
        case .foreign(let result): return result.json.map { (result.promptID, $0) }
        case .stored(let promptID):
            let history = try await engine.store.job(promptID)?.history
            let options = JSONParseOptions(allowsNonFiniteNumbers: true)
            return history.flatMap { try? JSON(parsing: $0, options: options) }.map { (promptID, $0) }
        }
    }

    /// `"id": entry` of one result, with a link to each file; `nil` when it was deleted meanwhile.
    ///
    /// - Throws: ``DatabaseError``.
    func member(_ item: HistoryItem, base: String) async throws -> ArraySlice<UInt8>? {
        let object: [UInt8]
        switch item {
        case .stored(let promptID):
            guard case .ended(let answer)? = try await engine.known(promptID, base: base) else { return nil }
            object = answer.history
        case .foreign(let result):
            guard let answer = Self.answer(result, base: base) else { return nil }
            object = answer
        }
        // Without the braces.
        return object.count > 2 ? object.dropFirst().dropLast() : nil
    }

    /// `{"id": entry}` of a prompt of somebody else, with a link to each file; `nil` when the entry is no JSON.
    static func answer(_ result: ForeignResult, base: String) -> [UInt8]? {
        result.json.map { entry in
            JSON.object([
                result.promptID: OutputLinks.adding(to: entry, promptID: result.promptID, base: base)
            ]).serialized()
        }
    }
}
