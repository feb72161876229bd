internal import PluginAPI
internal import Synchronization

/// Saves images under the next free name of their prefix.
final class OutputFiles: Sendable {
    private let folders: Folders
    /// The last counter of each prefix, so that a folder is listed once and not for every image.
    private let counters = Mutex<[String: Int]>([:])

    init(folders: Folders) {
        self.folders = folders
    }

    /// Forgets the counters; the next image looks at the disk again.
    func reset() {
        counters.withLock { $0.removeAll() }
    }

    /// Saves a batch and gives its `images` list.
    ///
    /// - Throws: The exception of the real node when the prefix leaves the folder, or the disk fails.
    func save(
        _ picture: Picture, prefix: String, in kind: Folders.Kind, texts: [(key: String, value: [UInt8])]
    ) throws(PythonError) -> JSON {
        let (subfolder, name) = Self.split(prefix)
        guard let folder = folders.resolve(kind, subfolder) else { throw outside(kind, subfolder) }
        guard picture.isDrawable else {
            throw PythonError("RuntimeError", "DefaultCPUAllocator: can't allocate memory for the images")
        }
        guard Disk.makeFolder(folder) else { throw PythonError("OSError", "[Errno 5] cannot make the folder") }
        var images: [JSON] = []
        for index in 0..<picture.count {
            let file = try write(PNG.encode(picture, index: index, texts: texts), folder, name)
            images.append([
                "filename": .string(file), "subfolder": .string(subfolder), "type": .string(kind.rawValue),
            ])
        }
        return .array(images)
    }

    private func write(_ bytes: [UInt8], _ folder: String, _ name: String) throws(PythonError) -> String {
        // A name can be taken since the folder was listed; then it is listed again.
        for isFresh in [false, true] {
            let file = "\(name)_\(Self.padded(next(folder, name, isFresh: isFresh)))_.png"
            if Disk.write(bytes, to: folder + "/" + file, replacing: false) { return file }
        }
        throw PythonError("OSError", "[Errno 5] cannot write the image")
    }

    private func next(_ folder: String, _ name: String, isFresh: Bool) -> Int {
        counters.withLock { counters in
            let key = folder + "/" + name
            // Prefixes are chosen by clients: their number is bounded here.
            if counters.count > 10_000 { counters.removeAll() }
            let last = isFresh ? nil : counters[key]
            let next = (last ?? highest(folder, name)) + 1
            counters[key] = next
            return next
        }
    }

    private func highest(_ folder: String, _ name: String) -> Int {
        let prefix = name + "_"
        return Disk.names(in: folder).lazy.filter { $0.hasPrefix(prefix) }
            .compactMap { Int($0.dropFirst(prefix.count).prefix { $0 != "_" }) }.filter { $0 < 1 << 40 }.max() ?? 0
    }

    private func outside(_ kind: Folders.Kind, _ subfolder: String) -> PythonError {
        let root = folders.path(kind)
        let target = Folders.normalized(subfolder.hasPrefix("/") ? subfolder : root + "/" + subfolder)
        let common = zip(root.split(separator: "/"), target.split(separator: "/")).prefix { $0 == $1 }.map(\.0)
        return PythonError(
            "Exception",
            """
            **** ERROR: Saving image outside the output folder is not allowed.
             full_output_folder: \(target)
                     output_dir: \(root)
                     commonpath: /\(common.joined(separator: "/"))
            """)
    }

    /// Folder and name of a prefix, as `os.path.normpath`, `dirname` and `basename` give them.
    static func split(_ prefix: String) -> (subfolder: String, name: String) {
        var parts: [Substring] = []
        for part in prefix.split(separator: "/") where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        let name = parts.popLast().map(String.init) ?? ""
        return ((prefix.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/"), name)
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
