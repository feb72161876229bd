internal import PluginAPI
internal import Synchronization

extension InputStore {
    /// Takes an upload in under the name it gets, durably.
    func store(_ upload: InputUpload, _ servers: [(ComfyServer, ComfyClient)]) async throws -> InputName {
        let (folder, path) = (folder, upload.path)
        guard let wanted = InputName(filename: upload.filename, subfolder: upload.subfolder, type: upload.type) else {
            _ = try? await blocking.run { folder.discard(path) }
            throw HTTPError(.badRequest, "inputs.bad_name", "The file name, its subfolder or its type cannot be used.")
        }
        await sweep()
        let draft: String
        do {
            draft = try await blocking.run { try folder.takeIn(path) }
        } catch {
            _ = try? await blocking.run { folder.discard(path) }
            throw refusal(error)
        }
        do {
            let name = try await settle(draft, as: wanted, upload.overwrite, servers)
            state.withLock { state in
                if state.names.count < Self.indexLimit { state.names.insert(name) } else { state.isComplete = false }
            }
            return name
        } catch {
            _ = try? await blocking.run { folder.discard(draft) }
            throw refusal(error)
        }
    }

    private func refusal(_ error: any Error) -> any Error {
        guard let problem = error as? InputProblem else { return error }
        logger.error("An input file could not be kept.", ["problem": "\(problem)"])
        return problem.httpError
    }

    private enum Place {
        case free
        case same
        case taken
    }

    private func settle(
        _ draft: String, as wanted: InputName, _ replacing: Bool, _ servers: [(ComfyServer, ComfyClient)]
    ) async throws -> InputName {
        let folder = folder
        if replacing {
            _ = try await blocking.run { try folder.settle(draft, as: wanted, replacing: true) }
            return wanted
        }
        let file = try await blocking.run { try InputFile(draft) }
        var number = 0
        while number <= Self.maximumCopies, let name = wanted.numbered(number) {
            let place = try await blocking.run { () throws -> Place in
                guard try folder.stamp(of: name) != nil else { return .free }
                return try folder.open(name).hasContent(of: file) ? .same : .taken
            }
            switch place {
            case .same:
                try await blocking.run { folder.discard(draft) }
                return name
            case .free where await isFree(name, for: file, on: servers):
                // When another upload was faster, its content is looked at.
                if try await blocking.run({ try folder.settle(draft, as: name, replacing: false) }) { return name }
            default: number += 1
            }
        }
        throw HTTPError(.badRequest, "inputs.bad_name", "There are too many files of this name.")
    }

    /// Whether no server that answers has another file of a name.
    private func isFree(_ name: InputName, for file: InputFile, on servers: [(ComfyServer, ComfyClient)]) async -> Bool
    {
        for (_, client) in servers {
            guard let answer = try? await client.view(name.reference), answer.status == .ok else { continue }
            guard let isSame = try? await hasContent(answer.body, of: file), isSame else { return false }
        }
        return true
    }

    private func hasContent(_ body: HTTPBody, of file: InputFile) async throws -> Bool {
        if let length = body.length, length != file.stamp.size { return false }
        var offset = 0
        for try await piece in body {
            let start = offset
            guard try await blocking.run({ try file.read(at: start, upTo: piece.count) }) == piece else { return false }
            offset += piece.count
        }
        return offset == file.stamp.size
    }

    /// Removes old temporary files now and then, and what a crash left that was too young for the start after it.
    private func sweep() async {
        let isDue = state.withLock { state in
            guard state.lastSweep.map({ $0.advanced(by: Self.sweepInterval) <= clock.now }) ?? true else {
                return false
            }
            state.lastSweep = clock.now
            return true
        }
        let (folder, now) = (folder, clock.wallClock)
        guard isDue else { return }
        let gone = try? await blocking.run {
            folder.removeDrafts(olderThan: Self.draftLife, now: now)
            return folder.sweepTemporary(now: now, limit: Self.indexLimit)
        }
        guard let gone else { return }
        state.withLock { $0.names.subtract(gone) }
    }
}
