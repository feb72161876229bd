import PluginAPI

/// The named workflows; reads and writes on threads that may block.
struct WorkflowStore: Sendable {
    /// Where they are.
    let folder: WorkflowFolder
    /// Runs the calls.
    let blocking: any BlockingThreads

    /// Takes the folder of the configuration.
    ///
    /// - Parameter directory: As written; a relative path starts at the folder of the configuration file.
    init(directory: String, _ context: PluginContext) {
        let path = directory.hasPrefix("/") ? directory : "\(context.daemon.configurationDirectory)/\(directory)"
        folder = WorkflowFolder(path: path)
        blocking = context.blocking
    }

    /// Makes the folder if it is missing.
    ///
    /// - Throws: ``RetriableStartError``.
    func prepare(now: Timestamp) async throws {
        do {
            try await blocking.run { [folder] in
                try folder.prepare()
                folder.removeDrafts(now: now)
            }
        } catch let problem as FolderProblem {
            throw RetriableStartError("\(problem) (plugins.workflows.directory)")
        }
    }

    /// The names, sorted, and whether there are more than are listed.
    func names() async throws -> (names: [String], areMore: Bool) {
        try await blocking.run { [folder] in try folder.names() }
    }

    /// The bytes of a workflow.
    ///
    /// - Throws: ``HTTPError`` 404; ``FolderProblem``.
    func bytes(of name: WorkflowName) async throws -> [UInt8] {
        guard let bytes = try await blocking.run({ [folder] in try folder.read(name) }) else {
            throw HTTPError.unknownWorkflow(name)
        }
        return bytes
    }

    /// A workflow that can run.
    ///
    /// - Throws: ``HTTPError`` 404, 400 for a file of the other format, 500 for a broken one; ``FolderProblem``.
    func workflow(_ name: WorkflowName) async throws -> WorkflowFile {
        let file = try await blocking.run { [folder] in
            try folder.read(name).map { bytes throws(HTTPError) in
                do throws(WorkflowProblem) { return try WorkflowFile(parsing: bytes) } catch {
                    throw error.ofFile(name)
                }
            }
        }
        guard let file else { throw HTTPError.unknownWorkflow(name) }
        return file
    }

    /// Puts a workflow in place.
    ///
    /// - Returns: Whether there was none of that name.
    /// - Throws: ``HTTPError`` 400 for what is no workflow; ``FolderProblem``.
    func write(_ bytes: [UInt8], to name: WorkflowName) async throws -> Bool {
        try await blocking.run { [folder] in
            do throws(WorkflowProblem) { _ = try WorkflowFile(parsing: bytes) } catch { throw error.asSent }
            return try folder.write(bytes, to: name)
        }
    }

    /// Deletes a workflow.
    ///
    /// - Throws: ``HTTPError`` 404; ``FolderProblem``.
    func remove(_ name: WorkflowName) async throws {
        guard try await blocking.run({ [folder] in try folder.remove(name) }) else {
            throw HTTPError.unknownWorkflow(name)
        }
    }
}

extension HTTPError {
    /// 404 `workflow.unknown`.
    static func unknownWorkflow(_ name: WorkflowName) -> HTTPError {
        HTTPError(.notFound, "workflow.unknown", "There is no workflow \(name.text).")
    }
}
