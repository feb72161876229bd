import Glibc

/// The client id under which this daemon follows its servers, kept in a file: a server that still runs a prompt from
/// before a restart goes on sending its events to us.
public enum ClientIdentity {
    /// Reads the id of a data directory, or makes one and keeps it there if possible; blocks on the disk.
    public static func load(from directory: String) -> String {
        let path = directory + "/client_id"
        if let kept = read(path) { return kept }
        let made = "comfyd-" + PromptID.random()
        write(made, to: path)
        return made
    }

    private static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        let isUsable = text.hasPrefix("comfyd-") && text.utf8.allSatisfy { $0 > 32 && $0 < 127 }
        return isUsable ? text : nil
    }

    private static func write(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return }
        defer { close(file) }
        let bytes = Array(text.utf8)
        _ = Glibc.write(file, bytes, bytes.count)
    }
}
