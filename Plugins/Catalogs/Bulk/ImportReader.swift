import PluginAPI

/// Makes rows of the bytes of a body as they come.
protocol ImportReader: Sendable {
    /// Takes the next bytes and gives the rows that are complete.
    ///
    /// - Throws: ``HTTPError`` when nothing that follows can be read.
    mutating func read(_ bytes: ArraySlice<UInt8>) throws -> [ImportRow]
    /// Called when the body is complete, until there are no more rows: gives what is left.
    ///
    /// - Throws: as ``read(_:)``.
    mutating func end() throws -> [ImportRow]?
    /// Called after that, until there are no more rows: gives rows that are there and that the body has something about.
    ///
    /// - Throws: ``DatabaseError``.
    mutating func page(of store: CatalogStore) async throws -> [ImportRow]?
}

extension ImportReader {
    mutating func page(of store: CatalogStore) async throws -> [ImportRow]? { nil }
}
