import PluginAPI

/// Brings the rows of a body into a catalog, some hundred in each transaction.
struct CatalogImport: Sendable {
    /// The catalog.
    let kind: CatalogKind
    /// Its rows on disk.
    let store: CatalogStore
    /// Where bytes become rows: a loop has other work.
    let blocking: any BlockingThreads
    /// Who wishes it.
    let author: ChangeAuthor
    /// What happens to rows that are there.
    let existing: CatalogWriter.Existing
    /// What is counted by ``ImportRow/line``.
    let unit: String
    /// Whether nothing is stored.
    let isDryRun: Bool
    /// The largest body in bytes.
    let byteLimit: Int
    /// The most rows.
    var rowLimit = mostRows

    /// The most rows of one transaction, so that others write in between.
    static let rowsPerBatch = 500
    /// The most bytes of a body that wait for their transaction; rows can be large.
    private static let bytesPerBatch = 1 << 20
    /// The most rows of one import: the key of each is remembered.
    static let mostRows = 1_000_000
    /// The most bytes that become rows in one go.
    private static let bytesAtOnce = 128 << 10

    /// What an import that runs has done so far.
    private struct Progress {
        var report = ImportReport()
        /// The line of each key.
        var lines: [[UInt8]: Int] = [:]
        /// Rows that wait for their transaction.
        var waiting: [(row: ImportRow, fields: CatalogFields)] = []
    }

    /// Reads a body and stores its rows.
    ///
    /// - Throws: ``HTTPError`` 413 above the limit, 422 when the body cannot be read on, with words about the rows that are stored already;
    ///   ``DatabaseError``.
    func run(_ body: HTTPBody, _ reader: any ImportReader) async throws -> ImportReport {
        if let length = body.length, length > byteLimit { throw HTTPError.bodyTooLarge(limit: byteLimit) }
        var progress = Progress()
        do {
            try await run(body, reader, &progress)
        } catch {
            throw told(error, progress.report)
        }
        return progress.report
    }

    private func run(_ body: HTTPBody, _ reader: any ImportReader, _ progress: inout Progress) async throws {
        var reader = reader
        var received = 0
        var waiting = 0
        for try await piece in body {
            received += piece.count
            guard received <= byteLimit else { throw HTTPError.bodyTooLarge(limit: byteLimit) }
            var rest = piece[...]
            while !rest.isEmpty {
                let part = rest.prefix(Self.bytesAtOnce)
                rest = rest.dropFirst(part.count)
                try await add(try await read(&reader) { try $0.read(part) }, &progress)
                waiting += part.count
                guard waiting >= Self.bytesPerBatch else { continue }
                try await store(&progress)
                waiting = 0
            }
        }
        while let rows = try await read(&reader, { try $0.end() }) { try await add(rows, &progress) }
        while let rows = try await reader.page(of: store) { try await add(rows, &progress) }
        try await store(&progress)
    }

    /// Runs a step of the reader on another thread.
    private func read<T: Sendable>(
        _ reader: inout any ImportReader, _ step: @escaping @Sendable (inout any ImportReader) throws -> T
    ) async throws -> T {
        let before = reader
        let (result, after) = try await blocking.run {
            var reader = before
            return (try step(&reader), reader)
        }
        reader = after
        return result
    }

    /// Counts rows, and stores them when there are enough.
    private func add(_ rows: [ImportRow], _ progress: inout Progress) async throws {
        for row in rows {
            guard progress.report.rows + progress.waiting.count < rowLimit else {
                throw HTTPError(
                    .contentTooLarge, "http.body_too_large", "The body has more than \(rowLimit) rows.")
            }
            add(row, &progress)
            if progress.waiting.count == Self.rowsPerBatch { try await store(&progress) }
        }
    }

    private func add(_ row: ImportRow, _ progress: inout Progress) {
        switch row.content {
        case .problem(let reason): progress.report.skip(row, reason)
        case .remark(let words): progress.report.tell(row, words)
        case .fields(let fields):
            // Bytes, because texts that look the same can be different keys.
            let key = Array(kind.key.map { fields.values[$0]?.stringValue ?? "" }.joined(separator: "\0").utf8)
            if let line = progress.lines[key] {
                progress.report.skip(row, "The key is already in \(unit) \(line).")
            } else {
                progress.lines[key] = row.line
                progress.waiting.append((row, fields))
            }
        }
    }

    private func store(_ progress: inout Progress) async throws {
        guard !progress.waiting.isEmpty else { return }
        let batch = progress.waiting
        let existing = existing
        let work: @Sendable (CatalogWriter) throws -> [CatalogWriter.Outcome?] = { writer in
            try batch.map { row, fields in
                if row.isChange, try writer.find(fields) == nil { return nil }
                return try writer.upsert(fields, existing: existing)
            }
        }
        let outcomes =
            isDryRun
            ? try await store.rehearse(kind, by: author, work) : try await store.change(kind, by: author, work)
        progress.waiting.removeAll(keepingCapacity: true)
        for (outcome, (row, _)) in zip(outcomes, batch) {
            if let outcome {
                progress.report.count(outcome)
            } else {
                progress.report.skip(row, "It was deleted meanwhile.")
            }
        }
    }

    /// An error that says what is stored already.
    private func told(_ error: any Error, _ report: ImportReport) -> any Error {
        let stored = report.new + report.changed
        guard !isDryRun, stored > 0,
            var told = error as? HTTPError ?? (error as? any HTTPErrorConvertible)?.httpError
        else { return error }
        told.message += " \(report.new) new and \(report.changed) changed rows from before that are stored."
        return told
    }
}
