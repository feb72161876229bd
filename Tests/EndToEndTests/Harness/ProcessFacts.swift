import Glibc

/// What `/proc` says of a running process.
enum ProcessFacts {
    /// The files mapped into it.
    static func mappedFiles(of pid: pid_t) throws -> Set<String> {
        let lines = try Files.text("/proc/\(pid)/maps").split(separator: "\n")
        return Set(lines.compactMap { line in line.firstIndex(of: "/").map { String(line[$0...]) } })
    }

    static func openDescriptors(of pid: pid_t) -> Int {
        Files.names(in: "/proc/\(pid)/fd").count
    }

    /// Resident memory in bytes.
    static func residentBytes(of pid: pid_t) throws -> Int {
        let fields = try Files.text("/proc/\(pid)/statm").split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// The most resident memory it ever had, in bytes.
    static func peakResidentBytes(of pid: pid_t) throws -> Int {
        let line = try Files.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) * 1024
    }

    /// The living processes of a group that run a program of this name, oldest first; a sanitizer's helpers have others.
    static func members(ofGroup group: pid_t, named program: String) -> [pid_t] {
        var found: [(pid: pid_t, start: UInt64)] = []
        for name in Files.names(in: "/proc") {
            guard let pid = pid_t(name), let stat = try? Files.text("/proc/\(name)/stat"),
                let end = stat.lastIndex(of: ")")
            else { continue }
            let fields = stat[end...].split(separator: " ")
            guard stat[..<end].hasSuffix("(\(program)"), fields.count > 20, fields[1] != "Z", pid_t(fields[3]) == group,
                let start = UInt64(fields[20])
            else {
                continue
            }
            found.append((pid, start))
        }
        return found.sorted { ($0.start, $0.pid) < ($1.start, $1.pid) }.map(\.pid)
    }

    static func isAlive(_ pid: pid_t) -> Bool {
        guard let stat = try? Files.text("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
        return stat[end...].split(separator: " ").dropFirst().first != "Z"
    }
}
