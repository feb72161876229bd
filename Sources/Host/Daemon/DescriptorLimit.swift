import Glibc

/// The number of files and sockets that the process may have open.
enum DescriptorLimit {
    /// Raises the limit as far as the system lets us and the connections need; login shells and services start with 1024.
    ///
    /// - Returns: the limit that holds, if it is too small for so many connections.
    static func raise(forConnections connections: Int) -> Int? {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return nil }
        // A request may have a connection to a worker too; the rest is for files and loops.
        let wanted = rlim_t(clamping: 2 * connections + 1024)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            _ = setrlimit(resource, &limit)
            guard getrlimit(resource, &limit) == 0 else { return nil }
        }
        return limit.rlim_cur < rlim_t(clamping: connections + 256) ? Int(clamping: limit.rlim_cur) : nil
    }
}
