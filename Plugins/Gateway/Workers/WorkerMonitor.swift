import ComfyUI
import PluginAPI
import Synchronization

/// Watches one worker: keeps its event stream open, probes its queue, and compares its jobs with it.
final class WorkerMonitor: Sendable {
    /// The worker's id.
    let workerID: String

    private let engine: JobEngine
    private let stopping = Wakeup()
    private let probing = Wakeup()
    private let connecting = Wakeup()
    private let stream = Mutex<ComfyEventStream?>(nil)
    /// What the last connection was made with, or tried.
    private let lastClient = Mutex<ComfyClient?>(nil)
    /// Whether the last probe failed.
    private let isUnreachable = Atomic(false)
    private let ended: AsyncStream<String>
    private let endedInput: AsyncStream<String>.Continuation

    /// How many results are fetched from one worker at the same time.
    private static let parallelCollections = 8
    /// How long a worker's stream may say nothing after it was handed a prompt.
    private static let patience = Duration.seconds(10)
    /// The longest time between two probes of a worker whose queue takes long to read.
    private static let longestPause = Duration.seconds(20)

    /// Makes a monitor that does nothing yet.
    init(workerID: String, engine: JobEngine) {
        self.workerID = workerID
        self.engine = engine
        (ended, endedInput) = AsyncStream.makeStream(of: String.self)
    }

    /// Watches until stopped or cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.followEvents() }
            group.addTask { await self.probeRegularly() }
            group.addTask { await self.collectResults() }
            group.addTask { await self.stopping.wait() }
            await group.next()
            group.cancelAll()
        }
        engine.pool.setConnected(workerID, since: nil)
        engine.forgetCollections(on: workerID)
    }

    /// Ends ``run()``.
    func stop() {
        stopping.set()
    }

    /// Whether the worker has another address or other credentials than at the last connection.
    var isOutdated: Bool {
        guard let worker, let last = lastClient.withLock({ $0 }) else { return false }
        let client = engine.registry.client(worker)
        return last.baseURL != client.baseURL || last.credentials != client.credentials
    }

    /// Connects and probes anew if the worker's address or credentials changed.
    func restartIfOutdated() async {
        guard isOutdated else { return }
        await stream.withLock { $0 }?.close()
        connecting.set()
        probing.set()
    }

    private var worker: Worker? { engine.pool[workerID]?.worker }
    private var clock: any TimeSource { engine.context.clock }
}

// MARK: - Events

extension WorkerMonitor {
    /// Keeps one event stream open; waits longer after each failure, from 0.25 s to 10 s, spread by chance.
    private func followEvents() async {
        var failures = 0
        while !Task.isCancelled, let worker {
            let began = clock.now
            do {
                let client = engine.registry.client(worker)
                lastClient.withLock { $0 = client }
                try await follow(client)
            } catch {
                engine.context.logger.debug(
                    "no event stream", ["worker.id": workerID, "error": "\(error)"])
            }
            engine.pool.setConnected(workerID, since: nil)
            guard !Task.isCancelled else { return }
            probing.set()
            failures = began.duration(to: clock.now) > .seconds(30) ? 1 : min(failures + 1, 8)
            let pause = min(10, 0.125 * Double(1 << failures)) * Double.random(in: 0.8...1.2)
            await connecting.wait(atMost: .seconds(pause), clock: clock)
        }
    }

    private func follow(_ client: ComfyClient) async throws {
        let events = try await client.events(clientID: engine.clientID)
        stream.withLock { $0 = events }
        engine.pool.setConnected(workerID, since: clock.now)
        probing.set()
        do {
            for try await event in events {
                engine.pool.heard(
                    workerID, showsExecution: event.message.showsExecution || event.message.endsPrompt, now: clock.now)
                if let promptID = engine.handle(event, from: workerID) { endedInput.yield(promptID) }
            }
        } catch {
            stream.withLock { $0 = nil }
            await events.close()
            throw error
        }
        stream.withLock { $0 = nil }
        await events.close()
    }

    /// Fetches results, some at a time.
    private func collectResults() async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await promptID in ended {
                if running >= Self.parallelCollections {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await self.engine.collect(promptID) }
            }
        }
    }
}

// MARK: - Probes

extension WorkerMonitor {
    private func probeRegularly() async {
        while !Task.isCancelled, let worker {
            let began = clock.now
            let isUnsettled = await probe(worker)
            var pause = isUnsettled || isBlind ? JobEngine.absence : engine.configuration.probeInterval
            // A long queue takes long to read: then it is read less often.
            pause = max(pause, min(Self.longestPause, began.duration(to: clock.now) * 10))
            await probing.wait(atMost: pause, clock: clock)
        }
    }

    /// Whether it has jobs and no events tell of them, for instance because a proxy passes no WebSockets on.
    private var isBlind: Bool {
        guard let member = engine.pool[workerID], member.health.isHealthy else { return false }
        return member.connectedSince == nil && engine.table.hasJobs(on: workerID)
    }

    /// Looks at the worker once.
    ///
    /// - Returns: whether some of its jobs have to be looked at again soon.
    private func probe(_ worker: Worker) async -> Bool {
        let began = clock.now
        let wasHealthy = engine.pool[workerID]?.health == .healthy
        let absent: [String]
        do {
            let queue = try await engine.registry.probe(worker)
            await distrustStreamAfterOutage()
            if !wasHealthy, engine.pool[workerID]?.health == .healthy { connecting.set() }
            absent = await engine.reconcile(workerID, queue, began: began)
            await engine.abandonIfStalled(workerID)
        } catch {
            isUnreachable.store(true, ordering: .relaxed)
            await engine.abandonIfLost(workerID)
            return false
        }
        await reconnectIfDeaf()
        var isUnsettled = false
        await withTaskGroup(of: Bool.self) { group in
            var running = 0
            for promptID in absent {
                if running >= Self.parallelCollections {
                    isUnsettled = (await group.next() ?? false) || isUnsettled
                    running -= 1
                }
                running += 1
                group.addTask { await self.engine.settleAbsent(promptID, on: worker) }
            }
            for await result in group { isUnsettled = result || isUnsettled }
        }
        return isUnsettled
    }

    /// Connects anew after an outage: the worker may have restarted without a word on the stream, and an unbroken stream
    /// is the sign that it did not.
    private func distrustStreamAfterOutage() async {
        guard isUnreachable.exchange(false, ordering: .relaxed), let stream = stream.withLock({ $0 }) else { return }
        engine.pool.setConnected(workerID, since: nil)
        await stream.close()
    }

    /// Connects anew when the stream is silent although prompts were handed over: another socket with our id, such as
    /// one of a process that we replace, makes a server forget ours.
    private func reconnectIfDeaf() async {
        guard let since = engine.pool[workerID]?.unheardSince, since.duration(to: clock.now) > Self.patience else {
            return
        }
        await stream.withLock { $0 }?.close()
    }
}
