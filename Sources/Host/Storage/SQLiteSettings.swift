/// The limits of a SQLite database; the defaults fit an edge node.
package struct SQLiteSettings: Sendable {
    /// Threads that read, started when first needed.
    package var readers = 2
    /// How long a statement waits for another process that holds the file.
    package var busyTimeout: Duration = .seconds(5)
    /// Writes, and reads, that may wait at a time; more are refused as busy.
    package var queueLimit = 10_000
    /// Writes that are committed together at most.
    package var groupLimit = 256
    /// How long a group takes more writes before it is committed.
    package var groupBudget: Duration = .milliseconds(10)
    /// The page cache of the writing connection.
    package var writerCacheKiB = 4096
    /// The page cache of each reading connection.
    package var readerCacheKiB = 2048
    /// The size in pages at which the write-ahead log is copied into the file.
    package var checkpointPages = 2000
    /// What is kept of the write-ahead log's file after it was copied.
    package var journalSizeLimit = 32 << 20
    /// Prepared statements kept per connection.
    package var statementLimit = 128
    /// Whether a commit waits for the disk; only for databases that nobody misses.
    package var isDurable = true
    /// The size in pages that the file may not outgrow; `nil` for the engine's own limit.
    package var pageLimit: Int?

    /// The defaults.
    package init() {}
}
