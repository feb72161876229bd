import PluginAPI

/// The rows of a catalog as a file, in the order in which they were added.
struct CatalogExport: Sendable {
    /// The catalog.
    let kind: CatalogKind
    /// Its rows on disk.
    let store: CatalogStore
    /// Which rows.
    let query: CatalogQuery
    /// The form of the file.
    let format: ExportFormat

    /// The most rows that are in memory.
    private static let rowsPerPage = 500

    /// Some rows as they go to the client.
    private struct Page: Sendable {
        var bytes: [UInt8]
        /// The number of the last row; `nil` when there are no more.
        var last: Int64?
    }

    /// The answer; rows are read while it is sent.
    ///
    /// - Throws: ``DatabaseError``.
    func response() async throws -> Response {
        // Read before the answer begins, so that a database that fails is an error and no empty file.
        var first = try await page(after: 0)
        first.bytes = format.head(kind) + first.bytes
        let beginning = first
        return Response(
            headers: [
                "Content-Type": "\(format.mediaType); charset=utf-8",
                "Content-Disposition": "attachment; filename=\"\(kind.name).\(format.rawValue)\"",
            ],
            body: .stream(length: nil) { writer in
                var page = beginning
                while true {
                    if !page.bytes.isEmpty { try await writer.write(page.bytes) }
                    guard let last = page.last else { return }
                    page = try await self.page(after: last)
                }
            })
    }

    private func page(after id: Int64) async throws -> Page {
        let (kind, format) = (kind, format)
        let initial = Page(bytes: [])
        var (page, count) = try await store.fold(
            query.statement(kind, after: id, limit: Self.rowsPerPage), kind, into: (initial, 0)
        ) { result, entry in
            format.write(entry, kind, to: &result.0.bytes)
            result.0.last = entry.id
            result.1 += 1
        }
        if count < Self.rowsPerPage { page.last = nil }
        return page
    }
}
