internal import PluginAPI

/// `POST /upload/image` and `POST /upload/mask`.
struct UploadController: Sendable {
    let server: SimulatedServer

    /// More copies of one name than this are refused.
    private static let maximumCopies = 10_000

    func declare(in routes: inout MethodTable) {
        routes.addTwice(.post, "/upload/image", "Stores a file.") { try await upload($0, isMask: false) }
        routes.addTwice(.post, "/upload/mask", "Stores a mask.") { try await upload($0, isMask: true) }
    }

    private func upload(_ request: Request, isMask: Bool) async throws -> Response {
        let form = try await UploadForm(request)
        guard let kind = Folders.Kind(rawValue: form.text("type") ?? "input"), kind != .user else {
            throw PythonError("UnboundLocalError", "cannot access local variable 'upload_dir'")
        }
        guard let image = form["image"], image.filename?.isEmpty == false || !image.content.isEmpty else {
            return Answer.empty(.badRequest)
        }
        guard let given = image.filename, !given.isEmpty else {
            throw PythonError("AttributeError", "'str' object has no attribute 'file'")
        }
        let filename = String(given.drop { $0 == "/" })
        let subfolder = form.text("subfolder") ?? ""
        // As the real server joins them: the folder is made, a folder inside the name is not.
        guard let folder = server.folders.resolve(kind, subfolder),
            let path = server.folders.resolve(kind, subfolder, filename), path != folder
        else { return Answer.empty(.badRequest) }
        guard Disk.makeFolder(folder) else { throw PythonError("OSError", "cannot make the folder") }
        let target = Target(
            folder: folder, filename: filename, mayReplace: ["true", "1"].contains(form.text("overwrite")))
        let stored = try isMask ? storeMask(image, form, target) : store(image.content, target)
        return Answer.json(["name": .string(stored), "subfolder": .string(subfolder), "type": .string(kind.rawValue)])
    }

    /// Where a file goes.
    private struct Target {
        var folder: String
        var filename: String
        var mayReplace: Bool
    }

    private func store(_ bytes: [UInt8], _ target: Target) throws(PythonError) -> String {
        for name in Self.names(target) {
            let path = target.folder + "/" + name
            if Disk.status(path) == nil || target.mayReplace {
                guard Disk.write(bytes, to: path, replacing: target.mayReplace) else { break }
                return name
            }
            if Disk.status(path)?.size == bytes.count, Disk.read(path, limit: bytes.count) == bytes { return name }
        }
        throw PythonError("OSError", "cannot write the file")
    }

    /// The mask itself is stored; it is not put on the original.
    private func storeMask(_ image: UploadForm.Part, _ form: UploadForm, _ target: Target) throws(PythonError) -> String
    {
        guard let text = form.text("original_ref"), let reference = try? JSON(parsing: text),
            let original = reference["filename"]?.stringValue
        else { throw PythonError("KeyError", "'original_ref'") }
        let content = image.content
        let free = Self.names(target).first { target.mayReplace || Disk.status(target.folder + "/" + $0) == nil }
        guard let name = free else { throw PythonError("OSError", "cannot write the file") }
        // A reference that leads nowhere is passed over in silence.
        guard let path = originalPath(original, reference), let head = Disk.read(path, limit: 64) else { return name }
        guard let size = PNG.size(of: content) else {
            throw PythonError("PIL.UnidentifiedImageError", "cannot identify image file")
        }
        if let expected = PNG.size(of: head), expected != size {
            throw PythonError("ValueError", "images do not match")
        }
        guard Disk.write(content, to: target.folder + "/" + name, replacing: target.mayReplace) else {
            throw PythonError("OSError", "cannot write the file")
        }
        return name
    }

    private func originalPath(_ filename: String, _ reference: JSON) -> String? {
        let name = AnnotatedName(filename)
        let type = reference["type"]?.stringValue ?? "output"
        guard let kind = name.folder ?? Folders.Kind(rawValue: type), kind != .user, !name.name.isEmpty,
            !name.name.hasPrefix("/"), !name.name.contains(".."),
            let path = server.folders.resolve(kind, reference["subfolder"]?.stringValue ?? "", name.name),
            Disk.status(path)?.isFolder == false
        else { return nil }
        return path
    }

    /// The wanted name, then `name (1).ext` and so on.
    private static func names(_ target: Target) -> some Sequence<String> {
        let name = target.filename
        let dot = name.lastIndex(of: ".").flatMap { $0 > name.startIndex ? $0 : nil } ?? name.endIndex
        return (0..<maximumCopies).lazy.map { $0 == 0 ? name : "\(name[..<dot]) (\($0))\(name[dot...])" }
    }
}
