/// The folders of a ComfyUI installation: `input`, `output`, `temp` and `user`.
struct Folders: Sendable {
    /// A folder that requests can name.
    enum Kind: String, Sendable, CaseIterable {
        case input
        case output
        case temp
        case user
    }

    private let base: String
    private let outputFolder: String?

    /// Folders below a base; outputs may live elsewhere.
    init(base: String, output: String? = nil) {
        self.base = Self.normalized(base)
        outputFolder = output.map(Self.normalized)
    }

    /// The absolute path of a folder, without slash at the end.
    func path(_ kind: Kind) -> String {
        if kind == .output, let outputFolder { return outputFolder }
        return base + "/" + kind.rawValue
    }

    /// Makes the folders and empties `temp`, as the server does when it starts.
    func prepare() -> Bool {
        guard Kind.allCases.allSatisfy({ Disk.makeFolder(path($0)) }) else { return false }
        Disk.empty(path(.temp))
        return true
    }

    /// The path of something below a folder; `nil` when it would leave it.
    func resolve(_ kind: Kind, _ relative: String...) -> String? {
        let root = path(kind)
        var joined = root
        for part in relative where !part.isEmpty {
            // An absolute part replaces what was before, as in Python.
            joined = part.hasPrefix("/") ? part : joined + "/" + part
        }
        let normal = Self.normalized(joined)
        return normal == root || normal.hasPrefix(root + "/") ? normal : nil
    }

    /// The names of the images at the top of a folder, sorted.
    func images(in kind: Kind) -> [String] {
        Disk.names(in: path(kind)).filter {
            ContentType.guess($0).hasPrefix("image/") && Disk.status(path(kind) + "/" + $0)?.isFolder == false
        }
    }

    /// An absolute path without `.`, `..` and doubled slashes.
    static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
