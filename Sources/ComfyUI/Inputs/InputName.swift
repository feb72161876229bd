public import PluginAPI

/// The name of an input file, in a form that cannot leave its folder and that every server takes as it is.
public struct InputName: Sendable, Hashable {
    /// `input` or `temp`.
    public let type: String
    /// The folders below the type's root, joined by `/`; empty at the root.
    public let subfolder: String
    /// One path component.
    public let filename: String

    /// The longest file name, in bytes.
    static let longestFilename = 255
    /// The longest subfolder, in bytes, and how many folders it may have.
    static let longestSubfolder = 1024
    static let deepestSubfolder = 16

    /// Makes a name; `nil` when a part of it cannot be used.
    public init?(filename: String, subfolder: String = "", type: String = "input") {
        guard ["input", "temp"].contains(type), Self.isComponent(filename),
            subfolder.utf8.count <= Self.longestSubfolder
        else { return nil }
        guard !subfolder.isEmpty else {
            (self.type, self.subfolder, self.filename) = (type, "", filename)
            return
        }
        // Empty components and single dots lead nowhere else.
        let folders = Self.components(subfolder).filter { $0 != "." }
        guard folders.count <= Self.deepestSubfolder, folders.allSatisfy({ Self.isComponent($0) }) else { return nil }
        self.type = type
        self.subfolder = folders.joined(separator: "/")
        self.filename = filename
    }

    /// Reads a name as a workflow writes it: `x.png`, `sub/x.png`, `x.png [temp]`; `nil` when it can be none of an input.
    init?(inGraph text: String) {
        var text = text[...]
        var type = "input"
        for kind in ["input", "temp", "output"] where text.utf8.last == UInt8(ascii: "]") && text.hasSuffix("[\(kind)]")
        {
            guard kind != "output" else { return nil }
            type = kind
            // As ComfyUI does: the character before the bracket is cut off, whatever it is.
            text = text.dropLast(kind.count + 3)
            break
        }
        guard let slash = text.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            self.init(filename: String(text), type: type)
            return
        }
        guard text.utf8.first != UInt8(ascii: "/") else { return nil }
        self.init(
            filename: String(text[text.utf8.index(after: slash)...]), subfolder: String(text[..<slash]), type: type)
    }

    /// The longest text that can be a name in a graph, in bytes.
    static let longestInGraph = longestSubfolder + longestFilename + 16

    /// How workflows and `/view` name it.
    public var reference: FileReference { FileReference(filename: filename, subfolder: subfolder, type: type) }

    /// The path below the type's root.
    var path: String { subfolder.isEmpty ? filename : subfolder + "/" + filename }

    private static func components(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    /// Whether a text is a path component without surprises: no hidden file, no control characters, nothing that a form's header
    /// would have to escape.
    private static func isComponent(_ text: String) -> Bool {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= longestFilename, bytes.first != UInt8(ascii: "."), !text.hasDoubleDot
        else {
            return false
        }
        return text.unicodeScalars.allSatisfy { !isForbidden($0) }
    }

    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "/", "\\", "\"", ";", "\u{FFFD}": true
        // Control characters, and what turns or breaks the lines in which a name is shown.
        case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
        default: false
        }
    }
}

/// Names are the same byte for byte, as on disk, where `String` equates those that only look alike.
extension InputName {
    /// Whether both name the same file.
    public static func == (lhs: InputName, rhs: InputName) -> Bool {
        lhs.filename.utf8.elementsEqual(rhs.filename.utf8) && lhs.subfolder.utf8.elementsEqual(rhs.subfolder.utf8)
            && lhs.type == rhs.type
    }

    /// Feeds the bytes of the file name, which mostly differ.
    public func hash(into hasher: inout Hasher) {
        var filename = filename
        filename.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

// MARK: - Names from outside

extension InputName {
    /// Makes a file name of what a client calls its file: the last component of a path, without what cannot be used.
    ///
    /// - Parameter fallback: The name when nothing is left.
    public static func sanitized(_ text: String, fallback: String) -> String {
        let last = text.utf8.lastIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
        var scalars = String.UnicodeScalarView()
        for scalar in text[(last.map { text.utf8.index(after: $0) } ?? text.startIndex)...].unicodeScalars {
            guard !isForbidden(scalar) else {
                scalars.append("_")
                continue
            }
            if scalar == ".", scalars.isEmpty || scalars.last == "." { continue }
            scalars.append(scalar)
        }
        var name = String(scalars)
        while let first = name.first, first == " " { name.removeFirst() }
        while let last = name.last, last == " " { name.removeLast() }
        if name.utf8.count > longestFilename { name = shortened(name, appending: "") }
        return isComponent(name) ? name : fallback
    }

    /// The name of another file of the same kind: `x (1).png`.
    func numbered(_ number: Int) -> InputName? {
        guard number > 0 else { return self }
        return InputName(
            filename: Self.shortened(filename, appending: " (\(number))"), subfolder: subfolder, type: type)
    }

    /// Puts text before the ending of a name, and cuts the stem so that it stays short enough.
    private static func shortened(_ name: String, appending text: String) -> String {
        let dot = name.lastIndex(of: ".").flatMap { $0 > name.startIndex ? $0 : nil } ?? name.endIndex
        var ending = String(name[dot...])
        if ending.utf8.count > 32 { ending = "" }
        var stem = ending.isEmpty ? name : String(name[..<dot])
        while stem.utf8.count + text.utf8.count + ending.utf8.count > longestFilename { stem.removeLast() }
        return stem + text + ending
    }
}

extension String {
    fileprivate var hasDoubleDot: Bool {
        var previous: UInt8 = 0
        for byte in utf8 {
            if byte == UInt8(ascii: "."), previous == byte { return true }
            previous = byte
        }
        return false
    }
}
