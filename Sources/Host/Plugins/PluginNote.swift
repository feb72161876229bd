package import CPluginABI
import Glibc

/// Reads the ABI note of a shared object without loading it, so that nothing of it runs before it was checked.
///
/// Knows 64-bit little-endian ELF; every offset of the file is checked, so a damaged file gives an error.
package enum PluginNote {
    /// The note in section `.comfyd.abi`.
    ///
    /// - Throws: ``PluginLoadError`` when the file cannot be read or is no comfyd plugin.
    package static func read(path: String) throws(PluginLoadError) -> comfyd_plugin_note {
        let file = try MappedFile(path: path)
        return try note(in: ELFFile(bytes: file.bytes, path: path))
    }

    private static func note(in file: ELFFile) throws(PluginLoadError) -> comfyd_plugin_note {
        guard let section = try file.section(named: ".comfyd.abi") else {
            throw PluginLoadError("\(file.path): no .comfyd.abi section, so not a comfyd plugin")
        }
        var note = comfyd_plugin_note()
        let size = MemoryLayout<comfyd_plugin_note>.size
        guard section.count >= size else { throw PluginLoadError("\(file.path): damaged plugin note") }
        withUnsafeMutableBytes(of: &note) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: section.prefix(size)))
        }
        return note
    }
}

/// Why a plugin cannot be loaded: one line for the operator.
package struct PluginLoadError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// A file mapped for reading.
private final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    init(path: String) throws(PluginLoadError) {
        // Opening a pipe would wait for its other end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw PluginLoadError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PluginLoadError("\(path): not a plugin (no regular file)")
        }
        guard status.st_size >= 64 else {
            throw PluginLoadError("\(path): not a plugin (too short)")
        }
        let size = Int(status.st_size)
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw PluginLoadError("\(path): \(String(cString: strerror(errno)))")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }
}

/// The section table of an ELF file.
private struct ELFFile {
    let bytes: UnsafeRawBufferPointer
    let path: String
    private let tableOffset: UInt64
    private let entrySize: UInt64
    private let sectionCount: UInt64
    private let namesIndex: UInt64

    init(bytes: UnsafeRawBufferPointer, path: String) throws(PluginLoadError) {
        self.bytes = bytes
        self.path = path
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else {
            throw PluginLoadError("\(path): not a 64-bit little-endian ELF file")
        }
        tableOffset = try Self.number(bytes, path, 0x28, UInt64.self)
        entrySize = try Self.number(bytes, path, 0x3A, UInt16.self)
        sectionCount = try Self.number(bytes, path, 0x3C, UInt16.self)
        namesIndex = try Self.number(bytes, path, 0x3E, UInt16.self)
        guard sectionCount > 0, namesIndex < sectionCount else {
            throw PluginLoadError("\(path): no section table (stripped of it?)")
        }
    }

    func section(named name: String) throws(PluginLoadError) -> UnsafeRawBufferPointer? {
        let names = try header(namesIndex)
        let wanted = Array(name.utf8) + [0]
        for index in 0..<sectionCount {
            let header = try header(index)
            let found = try range(names.offset &+ header.name, UInt64(wanted.count))
            guard found.elementsEqual(wanted) else { continue }
            return try range(header.offset, header.size)
        }
        return nil
    }

    private func header(_ index: UInt64) throws(PluginLoadError) -> (name: UInt64, offset: UInt64, size: UInt64) {
        let start = tableOffset &+ index &* entrySize
        return (
            try Self.number(bytes, path, start, UInt32.self), try Self.number(bytes, path, start &+ 24, UInt64.self),
            try Self.number(bytes, path, start &+ 32, UInt64.self)
        )
    }

    private func range(_ offset: UInt64, _ count: UInt64) throws(PluginLoadError) -> UnsafeRawBufferPointer {
        let size = UInt64(bytes.count)
        guard offset <= size, count <= size - offset else { throw PluginLoadError("\(path): damaged ELF file") }
        return UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset + count)])
    }

    private static func number<T: FixedWidthInteger & Sendable>(
        _ bytes: UnsafeRawBufferPointer, _ path: String, _ offset: UInt64, _: T.Type
    ) throws(PluginLoadError) -> UInt64 {
        guard offset <= UInt64(bytes.count - MemoryLayout<T>.size) else {
            throw PluginLoadError("\(path): damaged ELF file")
        }
        return UInt64(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: Int(offset), as: T.self))
    }
}
