import Glibc

/// The file that this process was started from.
enum Executable {
    /// Where it was when this was first asked for, `nil` without `/proc`; an update puts the new version there.
    static let path: String? = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { target in
            target.withMemoryRebound(to: CChar.self) { target in
                target.baseAddress.map { readlink("/proc/self/exe", $0, target.count) } ?? -1
            }
        }
        guard count > 0, count < buffer.count else { return nil }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }()
}
