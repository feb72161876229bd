import CLinux
import CPluginABI
import Glibc
package import PluginAPI

/// Finds and loads plugins; a file is checked before anything of it runs, and never unloaded.
package struct PluginLoader: Sendable {
    /// A plugin that is in the process.
    package struct Loaded: Sendable {
        /// The name in the configuration.
        package let name: String
        /// The file, or `(built in)`.
        package let path: String
        /// Its type.
        package let type: any Plugin.Type
    }

    /// Plugins linked into the executable, by configuration name.
    private let builtIn: [String: any Plugin.Type]
    /// Where files are looked for, in order.
    package let directories: [String]

    package init(builtIn: [String: any Plugin.Type] = [:], directories: [String]) {
        self.builtIn = builtIn
        self.directories = directories
    }

    /// The standard places: beside the executable, and `../lib/comfyd/plugins` of an installation.
    package static func standardDirectories() -> [String] {
        guard let executable = Executable.path else { return [] }
        let folder = executable.lastIndex(of: "/").map { String(executable[..<$0]) } ?? "."
        return [folder, "\(folder)/../lib/comfyd/plugins"]
    }

    /// Loads a plugin by its configuration name, or from a given file.
    ///
    /// - Throws: ``PluginLoadError`` with one line that says which file and what to do.
    package func load(_ name: String, file: String? = nil) throws(PluginLoadError) -> Loaded {
        if file == nil, let type = builtIn[name] { return Loaded(name: name, path: "(built in)", type: type) }
        let path: String
        if let file { path = file } else { path = try find(name) }
        let note = try PluginNote.read(path: path)
        try check(note, name)
        // RTLD_NOW: a missing symbol is an error here, not a crash at the first call.
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
            throw PluginLoadError("plugin \(name): \(Self.lastError())")
        }
        let type = try enter(handle, symbol: "comfyd_plugin_\(Self.moduleName(of: path))", name)
        guard type.manifest.name == name else {
            throw PluginLoadError("plugin \(name): \(path) holds plugin \"\(type.manifest.name)\"")
        }
        return Loaded(name: name, path: path, type: type)
    }

    /// The plugins that could be loaded: name and file, sorted by name.
    package func available() -> [(name: String, path: String)] {
        var found = builtIn.keys.map { (name: $0, path: "(built in)") }
        for directory in directories {
            for file in Self.list(directory) where file.hasPrefix("lib") && file.hasSuffix(".so") {
                let path = "\(directory)/\(file)"
                let name = Self.moduleName(of: path).lowercased()
                guard !found.contains(where: { $0.name == name }), (try? PluginNote.read(path: path)) != nil else {
                    continue
                }
                found.append((name, path))
            }
        }
        return found.sorted { $0.name < $1.name }
    }
}

extension PluginLoader {
    private func find(_ name: String) throws(PluginLoadError) -> String {
        for directory in directories {
            for file in Self.list(directory) where file.lowercased() == "lib\(name).so" {
                return "\(directory)/\(file)"
            }
        }
        let near = Spelling.nearest(to: name, in: available().map(\.name))
        throw PluginLoadError(
            "plugin \(name): no lib\(name).so (in any case of letters) in \(directories.joined(separator: ", "))"
                + (near.map { "; did you mean \"\($0)\"?" } ?? ""))
    }

    private func check(_ note: comfyd_plugin_note, _ name: String) throws(PluginLoadError) {
        guard let mine = comfyd_plugin_note_get()?.pointee else { return }
        guard note.magic == mine.magic else { throw PluginLoadError("plugin \(name): bad magic, not a comfyd plugin") }
        guard note.abi_major == mine.abi_major, note.abi_minor <= mine.abi_minor else {
            let theirs = "\(note.abi_major).\(note.abi_minor)"
            throw PluginLoadError(
                "plugin \(name): built for plugin ABI \(theirs), this host speaks \(mine.abi_major).\(mine.abi_minor):"
                    + " rebuild the plugin")
        }
        guard Self.text(note.compiler) == Self.text(mine.compiler) else {
            throw PluginLoadError(
                "plugin \(name): built by \(Self.text(note.compiler)), this host by \(Self.text(mine.compiler)):"
                    + " rebuild the plugin")
        }
    }

    /// Calls the C entry point and takes the first Swift object over.
    private func enter(
        _ handle: UnsafeMutableRawPointer, symbol: String, _ name: String
    ) throws(PluginLoadError) -> any Plugin.Type {
        guard let address = dlsym(handle, symbol) else { throw PluginLoadError("plugin \(name): \(Self.lastError())") }
        typealias Entry = @convention(c) (UnsafeMutablePointer<comfyd_plugin_descriptor>) -> Void
        var descriptor = comfyd_plugin_descriptor()
        // The note of this very file was checked, so the symbol has the type that this ABI version gives it.
        unsafeBitCast(address, to: Entry.self)(&descriptor)
        guard let note = descriptor.note, let create = descriptor.create else {
            throw PluginLoadError("plugin \(name): empty descriptor")
        }
        try check(note.pointee, name)
        guard let object = create() else { throw PluginLoadError("plugin \(name): its entry point gave nothing") }
        guard let box = Unmanaged<AnyObject>.fromOpaque(object).takeRetainedValue() as? PluginBox else {
            throw PluginLoadError("plugin \(name): it brought a second PluginAPI (linked statically?)")
        }
        return box.type
    }

    /// `libGateway.so` to `Gateway`.
    private static func moduleName(of path: String) -> String {
        var file = path[...]
        if let slash = file.lastIndex(of: "/") { file = file[file.index(after: slash)...] }
        if file.hasPrefix("lib") { file = file.dropFirst(3) }
        if file.hasSuffix(".so") { file = file.dropLast(3) }
        return String(file)
    }

    private static func list(_ directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(withUnsafeBytes(of: entry.pointee.d_name) { text($0) })
        }
        return names.sorted()
    }

    private static func lastError() -> String {
        dlerror().map { String(cString: $0) } ?? "unknown dynamic linker error"
    }

    private static func text<T>(_ tuple: T) -> String {
        withUnsafeBytes(of: tuple) { text($0) }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
