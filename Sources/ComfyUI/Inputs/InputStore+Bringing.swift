internal import Glibc
internal import PluginAPI
internal import Synchronization

extension InputStore {
    /// Brings a file to several servers.
    ///
    /// - Returns: The servers that did not take it.
    /// - Throws: `CancellationError`.
    func bring(
        _ name: InputName, contentType: String, to servers: [(ComfyServer, ComfyClient)]
    ) async throws -> [ComfyServer] {
        let failed = await withTaskGroup(of: String?.self) { group in
            var failed: Set<String> = []
            for (count, (server, client)) in servers.enumerated() {
                if count >= Self.uploadsAtOnce, let id = await group.next() ?? nil { failed.insert(id) }
                group.addTask {
                    do {
                        try await self.bring(name, contentType: contentType, to: server, client)
                        return nil
                    } catch {
                        self.logger.warning(
                            "A server did not take an input file.",
                            ["file": name.path, "server": server.id, "problem": "\(error)"])
                        return server.id
                    }
                }
            }
            for await id in group { if let id { failed.insert(id) } }
            return failed
        }
        try Task.checkCancellation()
        return servers.map(\.0).filter { failed.contains($0.id) }
    }

    private enum Step {
        case nothing
        case refuse(ComfyServerError)
        case wait(UploadUnderWay)
        case upload(UploadUnderWay, age: UInt)
    }

    /// Brings a file to a server unless that has it; callers who need the same share one upload.
    ///
    /// One upload of a name to a server at a time, so that what is noted last is what the server has.
    ///
    /// - Throws: ``InputProblem`` when the file cannot be read, ``HTTPClientError``, ``ComfyServerError``, `CancellationError`.
    func bring(
        _ name: InputName, contentType: String, to server: ComfyServer, _ client: ComfyClient
    ) async throws {
        let (folder, delivery) = (folder, Delivery(serverID: server.id, name: name))
        while true {
            guard let stamp = try await blocking.run({ try folder.stamp(of: name) }) else {
                _ = state.withLock { $0.names.remove(name) }
                throw InputProblem("find", name.path, code: ENOENT)
            }
            switch state.withLock({ next(delivery, stamp, &$0) }) {
            case .nothing: return
            case .refuse(let error): throw error
            case .wait(let call):
                do {
                    try await call.wait()
                } catch is CancellationError {
                    // Perhaps only the one who called was cancelled.
                    try Task.checkCancellation()
                }
            case .upload(let call, let age):
                let outcome = await upload(name, contentType, client)
                finish(call, delivery, stamp, outcome, age)
                _ = try outcome.get()
            }
        }
    }

    private func next(_ delivery: Delivery, _ stamp: InputFile.Stamp, _ state: inout State) -> Step {
        if let call = state.underWay[delivery] { return .wait(call) }
        if state.delivered[delivery.serverID]?[delivery.name] == stamp { return .nothing }
        if let refusal = state.refusals[delivery], refusal.stamp == stamp, clock.now < refusal.until {
            return .refuse(refusal.error)
        }
        let call = UploadUnderWay()
        state.underWay[delivery] = call
        return .upload(call, age: state.ages[delivery.serverID] ?? 0)
    }

    private func finish(
        _ call: UploadUnderWay, _ delivery: Delivery, _ wanted: InputFile.Stamp,
        _ outcome: Result<InputFile.Stamp, any Error>, _ age: UInt
    ) {
        let now = clock.now
        state.withLock { state in
            state.underWay[delivery] = nil
            if case .failure(let error as ComfyServerError) = outcome, error.status == .internalServerError {
                state.refusals = state.refusals.filter { now < $0.value.until }
                let until = now.advanced(by: Self.refusalPause)
                state.refusals[delivery] = Refusal(error: error, stamp: wanted, until: until)
            }
            guard case .success(let stamp) = outcome, age == state.ages[delivery.serverID] ?? 0 else { return }
            var known = state.delivered.removeValue(forKey: delivery.serverID) ?? [:]
            if known.count >= Self.indexLimit { known = [:] }
            known[delivery.name] = stamp
            state.delivered[delivery.serverID] = known
        }
        call.finish(outcome.map { _ in })
    }

    /// Uploads what is on disk now.
    private func upload(
        _ name: InputName, _ contentType: String, _ client: ComfyClient
    ) async -> Result<InputFile.Stamp, any Error> {
        do {
            let folder = folder
            let file = try await blocking.run { try folder.open(name) }
            let stored = try await client.upload(
                name.reference, contentType: contentType, length: file.stamp.size, source: file.source(blocking))
            guard stored.filename == name.filename else {
                throw ComfyServerError(problem: "the server gave the file another name")
            }
            return .success(file.stamp)
        } catch {
            return .failure(error)
        }
    }
}
