/// A file name that may end in the folder it belongs to: `base.png [input]`.
struct AnnotatedName: Sendable {
    let name: String
    /// The folder it names.
    let folder: Folders.Kind?

    /// Splits a name.
    ///
    /// The ending is cut off together with the character before it, whatever that is, as in ComfyUI.
    init(_ text: String) {
        for kind in [Folders.Kind.output, .input, .temp] where text.hasSuffix("[\(kind.rawValue)]") {
            name = String(text.dropLast(kind.rawValue.count + 3))
            folder = kind
            return
        }
        name = text
        folder = nil
    }

    /// The path of the file; `nil` when it is not there or would lie elsewhere.
    func path(in folders: Folders, default kind: Folders.Kind) -> String? {
        guard !name.isEmpty, let path = folders.resolve(folder ?? kind, name), Disk.status(path)?.isFolder == false
        else { return nil }
        return path
    }
}
