/// Where the built things and the sources are.
enum Places {
    /// The folder of the test binary, `comfyd` and the plugins.
    static let binaries: String = {
        let executable = Files.target(ofLink: "/proc/self/exe") ?? "."
        let folder = directory(of: executable)
        if Files.exists(folder + "/comfyd") { return folder }
        // `swift test` may run the tests inside a helper of the toolchain; the test library then knows the folder.
        for line in ((try? Files.text("/proc/self/maps")) ?? "").split(separator: "\n") {
            guard let slash = line.firstIndex(of: "/") else { continue }
            let folder = directory(of: String(line[slash...]))
            if Files.exists(folder + "/comfyd") { return folder }
        }
        return folder
    }()

    static let comfyd = binaries + "/comfyd"

    /// The top folder of the sources.
    static let repository: String = {
        var path = directory(of: #filePath)
        while path.count > 1, !Files.exists(path + "/Sources/PluginAPI/Package.swift") { path = directory(of: path) }
        return path
    }()

    /// Whether the daemon was built with a sanitizer, which makes it slow and large (`test.sh` builds it in a folder of that name).
    static let isSanitized = ["/address/", "/thread/"].contains { binaries.contains($0) }

    /// By how much to stretch what tests wait for: nothing is asserted about speed, and the machine may be busy.
    static let patience = isSanitized ? 12.0 : 4.0

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
