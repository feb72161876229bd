import ComfyUI
import PluginAPI

/// What came of handing a job to a worker.
enum Delivery {
    /// The worker has it; no answer when that was found out by looking.
    case taken(PromptAnswer?)
    /// The worker, or its proxy, refused it.
    case refused(any Error)
    /// The worker does not have it; whether it may have tried.
    case notTaken(String, counts: Bool)
    /// Nothing was sent, because the worker cannot be given an input file.
    case notPlaced(String)
    /// The worker does not have it and answered 500: it is sick, or the prompt is such that workers break down over it.
    case brokeDown(ComfyServerError)
    /// Nobody knows.
    case inDoubt
}

/// What a worker knows of a prompt.
enum Sighting {
    /// It is in the queue.
    case queued
    /// It has ended.
    case ended(HistoryEntry)
    /// It knows nothing of it.
    case absent
    /// It does not answer.
    case unreachable
}

extension JobEngine {
    /// Sends a job once, and looks it up when the sending failed in an uncertain way.
    func settle(_ job: Job, _ submission: [UInt8], _ worker: Worker) async -> Delivery {
        if let copy = copies.copy(of: job.promptID, on: worker.id) {
            // The worker was given it once before.
            switch await lookUp(copy.idOnWorker, on: worker) {
            case .ended(let entry) where entry.outcome != .success:
                // It failed or was interrupted while it was no longer the job's copy: the next one shall tell.
                await discard(copy, registry.client(worker))
                await forget([copy])
            case .queued, .ended:
                if copy.idOnWorker != job.promptID {
                    _ = table.update(job.promptID) { $0.job.workerPromptID = copy.idOnWorker }
                }
                return .taken(nil)
            case .unreachable: return .notTaken("it does not answer", counts: false)
            case .absent: await forget([copy])
            }
        }
        if let failure = await placeInputs(submission, worker) { return failure }
        let body = Submission.body(submission, promptID: job.promptID, clientID: clientID)
        let failure: any Error
        do {
            return .taken(try await registry.submit(body, to: worker))
        } catch {
            failure = error
        }
        switch failure {
        case let refusal as PromptRefusal:
            return .refused(refusal)
        case let error as HTTPClientError where !error.mayHaveBeenProcessed:
            pool.failHandOver(worker.id, error, now: now)
            return .notTaken("\(error)", counts: false)
        case let error as ComfyServerError where !error.mayHaveBeenProcessed:
            guard let status = error.status, Self.isWorkersFault(status) else { return .refused(Self.answer(error)) }
            pool.failHandOver(worker.id, error, now: now)
            return .notTaken("\(error)", counts: false)
        default:
            return await lookAfter(failure, job, worker)
        }
    }

    /// Brings the worker the input files that a job names.
    ///
    /// - Returns: what came of it if that failed; nothing was sent then, so the job is not to blame. And the worker only if it
    ///   cannot be reached: a file that is too large for it must not keep other jobs away.
    private func placeInputs(_ submission: [UInt8], _ worker: Worker) async -> Delivery? {
        guard !registry.inputs.isEmpty else { return nil }
        guard !isDraining else { return .notTaken("the gateway is shutting down", counts: false) }
        do {
            try await registry.placeInputs(namedBy: submission, on: worker)
            return nil
        } catch {
            let words = "an input file could not be placed: \((error as? ComfyServerError)?.reason ?? "\(error)")"
            guard let error = error as? HTTPClientError, !error.mayHaveBeenProcessed else { return .notPlaced(words) }
            pool.failHandOver(worker.id, error, now: now)
            return .notTaken(words, counts: false)
        }
    }

    /// Whether a status says that the worker or its proxy cannot be used, rather than that the prompt is wrong.
    private static func isWorkersFault(_ status: Status) -> Bool {
        [401, 403, 404, 405, 407, 429].contains(status.code)
    }

    /// A worker's own status for the caller.
    static func answer(_ error: ComfyServerError) -> HTTPError {
        guard let status = error.status, status.code >= 400 else { return error.httpError }
        return HTTPError(
            status, "comfyui.error", "The ComfyUI server refused the prompt with status \(status).", cause: error)
    }

    /// Decides by the worker's queue and history what became of a job that may have arrived.
    ///
    /// It is absent only if it is not there at a second look either, because a request that was cut off may still be
    /// worked on.
    private func lookAfter(_ failure: any Error, _ job: Job, _ worker: Worker) async -> Delivery {
        for attempt in 0..<2 {
            if attempt > 0 { try? await context.clock.sleep(for: .seconds(1)) }
            // The next process looks.
            if isDraining { return .inDoubt }
            switch await lookUp(job.promptID, on: worker) {
            case .queued, .ended: return .taken(nil)
            case .unreachable:
                if !(failure is CancellationError) { pool.failHandOver(worker.id, failure, now: now) }
                context.logger.warning(
                    "worker went silent while it got a job",
                    ["prompt.id": job.promptID, "worker.id": worker.id, "error": "\(failure)"])
                return .inDoubt
            case .absent: continue
            }
        }
        if let error = failure as? ComfyServerError, error.status == .internalServerError {
            return .brokeDown(error)
        }
        pool.failHandOver(worker.id, failure, now: now)
        return .notTaken("\(failure)", counts: true)
    }

    /// Asks a worker for a prompt: the queue first, because a prompt goes from there to the history.
    func lookUp(_ promptID: String, on worker: Worker) async -> Sighting {
        do {
            let queue = try await registry.probe(worker)
            if queue.running.contains(promptID) || queue.pending.contains(promptID) { return .queued }
            let client = registry.client(worker).with(timeout: WorkerRegistry.probeTimeout)
            return try await client.history(promptID).map { .ended($0) } ?? .absent
        } catch {
            return .unreachable
        }
    }
}
