/// What a database has done since it was opened.
package struct SQLiteStatistics: Sendable, Equatable {
    /// Transactions that reached the disk.
    package var commits = 0
    /// Transactions that failed as a whole, with all writes in them.
    package var failedCommits = 0
    /// Writes that were acknowledged.
    package var writes = 0
    /// Writes whose body threw.
    package var failedWrites = 0
    /// Reads that were answered.
    package var reads = 0
    /// Writes in the last commit.
    package var lastGroup = 0
    /// Writes in the largest commit.
    package var largestGroup = 0
    /// Writes that wait now.
    package var waitingWrites = 0
    /// Reads that wait or run now.
    package var waitingReads = 0
}
