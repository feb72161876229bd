import ComfyUI
import PluginAPI
import Synchronization

/// Watches one worker: keeps its event stream open, probes its queue, and compares its jobs with it.
final class WorkerMonitor: Sendable {
    /// The worker's id.
    let workerID: String

    private let engine: JobEngine
    private let gates: MonitorGates
    private let stopping = Wakeup()
    private let probing = Wakeup()
    private let connecting = Wakeup()
    private let stream = Mutex<ComfyEventStream?>(nil)
    private let news = Mutex(QueueNews())
    /// Whether somebody wants a probe now.
    private let isCalled = Atomic(false)
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
    /// The longest time between two probes of a worker that does not answer.
    private static let sickPause = Duration.seconds(5)
    /// The longest time between two probes of a worker whose queue takes long to read.
    private static let longestPause = Duration.seconds(20)

    /// Makes a monitor that does nothing yet.
    init(workerID: String, engine: JobEngine, gates: MonitorGates) {
        self.workerID = workerID
        self.engine = engine
        self.gates = gates
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
        callProbe()
    }

    private func callProbe() {
        isCalled.store(true, ordering: .relaxed)
        probing.set()
    }

    private var worker: Worker? { engine.pool[workerID]?.worker }
    private var clock: any TimeSource { engine.context.clock }
}

// MARK: - Events

extension WorkerMonitor {
    /// Keeps one event stream open while the worker answers probes.
    private func followEvents() async {
        var reconnecting = ReconnectPause()
        while !Task.isCancelled, let worker {
            let client = engine.registry.client(worker)
            lastClient.withLock { $0 = client }
            // One that lets everybody wait shall not keep a place that others wait for.
            guard answers else {
                await connecting.wait(atMost: .seconds(10), clock: clock)
                continue
            }
            let began = clock.now
            do {
                try await follow(client)
            } catch {
                engine.context.logger.debug(
                    "no event stream", ["worker.id": workerID, "error": "\(error)"])
            }
            engine.pool.setConnected(workerID, since: nil)
            guard !Task.isCancelled else { return }
            callProbe()
            await connecting.wait(atMost: reconnecting.next(afterStreamOf: began.duration(to: clock.now)), clock: clock)
        }
    }

    private func follow(_ client: ComfyClient) async throws {
        let events = try await gate.pass { try await client.events(clientID: engine.clientID) }
        stream.withLock { $0 = events }
        engine.pool.setConnected(workerID, since: clock.now)
        // It may have been restarted with other folders, faster than a probe notices.
        engine.registry.inputs.forget(serverID: workerID)
        // Events were missed until now; but an idle server tells in its first one how long its queue is.
        let isWell = engine.pool[workerID]?.health.isHealthy ?? true
        if !isWell || engine.table.hasJobs(on: workerID) { callProbe() }
        do {
            for try await event in events {
                engine.pool.heard(
                    workerID, showsExecution: event.message.showsExecution || event.message.endsPrompt, now: clock.now)
                if case .status(let remaining?, _) = event.message { hear(remaining) }
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
        await ended.forEach(atOnce: Self.parallelCollections) { [engine] in await engine.collect($0) }
    }
}

// MARK: - Probes

extension WorkerMonitor {
    private func probeRegularly() async {
        // Workers that were registered together are not asked together for ever.
        var spread = Double.random(in: 0.1...1)
        while !Task.isCancelled {
            let (isUnsettled, took) = await gate.pass {
                let began = clock.now
                // Whoever changes the worker calls afterwards, so what is read from here on is new enough.
                isCalled.store(false, ordering: .relaxed)
                guard let worker else { return (false, Duration.zero) }
                return (await probe(worker), began.duration(to: clock.now))
            }
            // A long queue takes long to read: then it is read less often. No answer takes long too, but costs nothing.
            let least = isUnreachable.load(ordering: .relaxed) ? .zero : min(Self.longestPause, took * 10)
            await rest(since: clock.now, least: least, spread: spread, isUnsettled: isUnsettled)
            spread = Double.random(in: 0.8...1)
        }
    }

    /// Waits until the next probe; there is one when the worker's jobs are due to go to others.
    private func rest(since start: Instant, least: Duration, spread: Double, isUnsettled: Bool) async {
        while !Task.isCancelled, !isCalled.load(ordering: .relaxed) {
            let length = max(least, isUnsettled ? JobEngine.absence : pause * spread)
            var end = start.advanced(by: length).onBeat(after: start)
            if let due = engine.lossDue(workerID), due > start { end = min(end, due) }
            let left = clock.now.duration(to: end)
            guard left > .zero else { return }
            // What the length depends on may change meanwhile.
            await probing.wait(atMost: min(left, engine.configuration.probeInterval), clock: clock)
        }
    }

    /// The time between two probes as things are now.
    ///
    /// While the event stream of an idle worker lives it tells of every change of the queue, and its end of the worker's;
    /// a probe now and then is enough.
    private var pause: Duration {
        guard let member = engine.pool[workerID] else { return engine.configuration.probeInterval }
        if !member.health.isHealthy { return min(Self.sickPause, engine.configuration.probeInterval) }
        let hasJobs = engine.table.hasJobs(on: workerID)
        if member.connectedSince == nil, hasJobs { return JobEngine.absence }
        // Copies are to be removed there, and an open breaker waits for a look.
        let isDone = member.breaker.state == .closed && !engine.copies.areOn(workerID)
        let isQuiet = member.connectedSince != nil && member.health == .healthy && !hasJobs && isDone
        guard isQuiet, !news.withLock({ $0.areFresh }) else { return engine.configuration.probeInterval }
        return max(engine.configuration.healthInterval, engine.configuration.probeInterval)
    }

    /// Takes in what the worker says about the length of its queue.
    private func hear(_ remaining: Int) {
        if news.withLock({ $0.told(remaining) }) { probing.set() }
    }

    /// Whether the worker answered its last probe.
    private var answers: Bool {
        guard let member = engine.pool[workerID] else { return false }
        return member.health == .healthy || member.stall.isStalled
    }

    /// The gate for requests to a worker in this state.
    private var gate: Turnstile {
        engine.pool[workerID]?.health.isHealthy ?? true ? gates.well : gates.sick
    }

    /// Looks at the worker once.
    ///
    /// - Returns: whether some of its jobs have to be looked at again soon.
    private func probe(_ worker: Worker) async -> Bool {
        let began = clock.now
        let wasHealthy = engine.pool[workerID]?.health == .healthy
        let absent: [String]
        do {
            news.withLock { $0.readingBegins() }
            let queue = try await engine.registry.probe(worker)
            news.withLock { $0.read(queue.running.count + queue.pending.count) }
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
        let areUnsettled = await absent.concurrentMap(atOnce: Self.parallelCollections) { [engine] promptID in
            await engine.settleAbsent(promptID, on: worker)
        }
        return areUnsettled.contains(true)
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

extension Instant {
    /// The last quarter of a second until this time, unless it is so soon after a start that it makes a difference.
    ///
    /// Probes of many workers share their wake-ups so: each one alone would cost more than twice as much.
    fileprivate func onBeat(after start: Instant) -> Instant {
        let beat: Int64 = 250_000_000
        guard start.duration(to: self) >= .seconds(2) else { return self }
        return Instant(nanoseconds: nanoseconds - nanoseconds % beat)
    }
}
