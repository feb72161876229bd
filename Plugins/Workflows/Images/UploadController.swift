import ComfyUI
import PluginAPI

/// `POST /api/v1/images/upload`.
struct UploadController: Sendable {
    /// What keeps the file and brings it to the servers.
    let backends: Backends
    /// The folder for uploads that are not complete yet.
    let staging: String
    /// Threads for files.
    let blocking: any BlockingThreads
    /// The largest file, in bytes.
    let limit: Int

    /// What a form may have beside its file, in bytes.
    private static let formOverhead = 256 << 10

    /// Declares the route.
    func declare(_ routes: inout RouteGroup) {
        routes.post(
            "/api/v1/images/upload",
            docs: OperationDocs(
                "Uploads an image for workflows to use.",
                description: """
                    The file is kept, and is on whichever server runs a workflow that names it: use `name` (with \
                    `subfolder`, as `subfolder/name`). `missing_on` lists servers that did not answer; they get it before their first such \
                    workflow.
                    """,
                body: [
                    "type": "object", "contentMediaType": "multipart/form-data", "required": ["file"],
                    "properties": [
                        "file": ["type": "string", "format": "binary", "description": "An image, with its name."],
                        "overwrite": [
                            "type": "boolean", "default": true,
                            "description": "False gives the file another name if another content has its own.",
                        ],
                        "subfolder": ["type": "string", "default": ""],
                        "type": ["enum": ["input", "temp"], "default": "input"],
                    ],
                ],
                returns: [
                    "type": "object", "required": ["filename", "name", "subfolder", "type"],
                    "properties": [
                        "filename": ["type": "string"], "name": ["type": "string"], "subfolder": ["type": "string"],
                        "type": ["enum": ["input", "temp"]],
                        "missing_on": ["type": "array", "items": ["type": "string"]],
                    ],
                ],
                errors: [
                    (400, "`INVALID_FILE_TYPE`: the file is no image; `BAD_FORM`: the body is broken."),
                    (413, "`FILE_OPERATION_ERROR`: the file is larger than \(limit) bytes."),
                    (415, "The body is no multipart form."), (422, "The form has no file, or a field is wrong."),
                    (500, "`FILE_OPERATION_ERROR`: the file could not be written to disk."), V1Docs.unreachable,
                    (507, "`FILE_OPERATION_ERROR`: the disk is full."),
                ]),
            use: upload)
    }

    /// Removes what an earlier process left of uploads.
    func removeLeftovers() async throws {
        let staging = staging
        try await blocking.run { StagedFile.removeAll(in: staging) }
    }

    private func upload(_ request: Request) async throws -> JSON {
        let staged = StagingPlace()
        let result: Result<JSON, any Error>
        do {
            result = .success(try await upload(request, staged))
        } catch {
            result = .failure(Self.translated(error))
        }
        if let file = staged.file { _ = try? await blocking.run { file.remove() } }
        return try result.get()
    }

    private func upload(_ request: Request, _ staged: StagingPlace) async throws -> JSON {
        var form = UploadFields()
        let (total, isTooLarge) = limit.addingReportingOverflow(Self.formOverhead)
        let reader = try request.multipart(MultipartLimits(totalBytes: isTooLarge ? .max : total))
        while let part = try await reader.next() {
            if part.name == "file", form.file == nil, let filename = part.filename, !filename.isEmpty {
                form.file = try await receive(part, filename, staged)
            } else if part.filename == nil {
                try await form.take(part)
            }
        }
        let placed = try await backends.current.keep(form.upload(staged.file?.path ?? ""))
        var answer: JSONObject = [
            "filename": .string(form.file?.filename ?? ""), "name": .string(placed.reference.filename),
            "subfolder": .string(placed.reference.subfolder), "type": .string(placed.reference.type),
        ]
        if !placed.missingOn.isEmpty { answer["missing_on"] = .array(placed.missingOn.map { .string($0.id) }) }
        return .object(answer)
    }

    /// Writes the file to disk as it comes.
    private func receive(
        _ part: MultipartPart, _ filename: String, _ staged: StagingPlace
    ) async throws -> UploadFields.File {
        let type = part.contentType ?? "application/octet-stream"
        guard HTTPFields.same(String(type.prefix("image/".count)), "image/") else {
            throw HTTPError(.badRequest, .invalidFileType, "The file is not an image.")
        }
        let staging = staging
        let file = try await blocking.run { try StagedFile(in: staging, name: PromptID.random()) }
        staged.file = file
        var size = 0
        for try await piece in part.body {
            size += piece.count
            guard size <= limit else { throw HTTPError.bodyTooLarge(limit: limit) }
            try await blocking.run { try file.write(piece) }
        }
        return UploadFields.File(filename: filename, contentType: type, size: size)
    }

    /// What is wrong with a file on this side is a `FILE_OPERATION_ERROR`.
    private static func translated(_ error: any Error) -> any Error {
        guard var known = error as? HTTPError ?? (error as? any HTTPErrorConvertible)?.httpError else { return error }
        let isOfStore = known.code.hasPrefix("inputs.") && known.status != .serviceUnavailable
        if isOfStore || known.status == .contentTooLarge { known.code = V1Code.fileOperation.rawValue }
        return known
    }
}

/// Where the file of one request is, for the one task that works on it.
private final class StagingPlace: @unchecked Sendable {
    var file: StagedFile?
}

/// The fields of an upload.
private struct UploadFields {
    /// The file's own.
    struct File {
        var filename: String
        var contentType: String
        var size: Int
    }

    var file: File?
    private var texts: [String: String] = [:]

    /// Takes a field of text; the first of each name counts, and those that are unknown do not.
    mutating func take(_ part: MultipartPart) async throws {
        guard ["overwrite", "subfolder", "type"].contains(part.name), texts[part.name] == nil else { return }
        texts[part.name] = try await part.text()
    }

    /// The upload, its file being at a path.
    ///
    /// - Throws: ``HTTPError`` 422 with the list of what is wrong.
    func upload(_ path: String) throws -> InputUpload {
        var problems: [(place: [JSON], message: String)] = []
        if file == nil { problems.append((["body", "file"], "Field required")) }
        let overwrite = Self.flag(texts["overwrite"])
        if overwrite == nil { problems.append((["body", "overwrite"], "Input should be a valid boolean")) }
        let type = texts["type"].flatMap { $0.isEmpty ? nil : $0 } ?? "input"
        if !["input", "temp"].contains(type) {
            problems.append((["body", "type"], "Input should be 'input' or 'temp'"))
        }
        let contentType = file?.contentType ?? ""
        let filename = InputName.sanitized(file?.filename ?? "", fallback: "image" + MediaType.ending(of: contentType))
        let name = InputName(filename: filename, subfolder: texts["subfolder"] ?? "")
        if name == nil { problems.append((["body", "subfolder"], "The folder cannot be used")) }
        guard let file, let overwrite, let name, problems.isEmpty else { throw HTTPError.invalid(problems) }
        return InputUpload(
            path: path, size: file.size, filename: name.filename, subfolder: name.subfolder, type: type,
            contentType: file.contentType, overwrite: overwrite)
    }

    private static func flag(_ text: String?) -> Bool? {
        switch text?.lowercased() {
        case nil, "", "true", "1", "yes", "on": true
        case "false", "0", "no", "off": false
        default: nil
        }
    }
}
