internal import PluginAPI
internal import Synchronization

/// The imitated process: all that a restart loses, behind one lock, and the parts around it.
final class SimulatedServer: Sendable {
    /// What the lock protects.
    struct State: Sendable {
        var settings: SimulatorConfiguration
        /// Grows with every restart; work of an earlier generation ends without a trace.
        var generation = 0
        /// The number of the next prompt that brings none.
        var counter = 0
        var queue = PromptQueue()
        var history = PromptHistory()
        var running: QueueItem?
        /// The node a client hears of when it connects while its job runs.
        var runningNode: String?
        var isInterrupted = false
        var mustFreeMemory = false
        /// The thread that runs jobs is dead; only a restart helps.
        var isWorkerDead = false
        /// The process is gone; only a restart helps.
        var isExited = false
        var random: SplitMix64
        /// The letters in the names of this process's temporary images.
        var tempLetters: String
        var userSettings = JSONObject()
        var users: [String: String] = [:]
        var totals = JobTotals()

        var remaining: Int { queue.count + (running == nil ? 0 : 1) }
    }

    let folders: Folders
    let files: OutputFiles
    let hub = SocketHub()
    let log: ServerLog
    let runs: RunLog
    let clock: any TimeSource
    let logger: Logger
    let metrics: SimulatorMetrics
    /// Wakes the worker.
    let work = Wakeup()
    /// Wakes whatever a restart or a change of settings ends.
    let changes = Wakeup()
    private let state: Mutex<State>

    init(
        settings: SimulatorConfiguration, folders: Folders, runLog: String? = nil, clock: any TimeSource,
        logger: Logger, metrics: SimulatorMetrics
    ) {
        self.folders = folders
        self.clock = clock
        self.logger = logger
        self.metrics = metrics
        files = OutputFiles(folders: folders)
        log = ServerLog(clock: clock)
        runs = RunLog(path: runLog, clock: clock)
        var system = SystemRandomNumberGenerator()
        let seed = settings.seed == 0 ? system.next() : UInt64(bitPattern: Int64(settings.seed))
        var random = SplitMix64(seed: seed)
        let letters = random.letters(5)
        state = Mutex(State(settings: settings, random: random, tempLetters: letters))
        hub.setMode(settings.slowReaders)
    }

    /// Looks at the state, or changes it.
    func withState<T: Sendable>(_ body: (inout sending State) -> sending T) -> T {
        state.withLock(body)
    }

    /// The settings at this moment.
    var settings: SimulatorConfiguration {
        withState { $0.settings }
    }

    /// The node classes with the choices of this moment.
    var catalog: NodeCatalog {
        NodeCatalog(settings: settings, folders: folders)
    }

    /// Whether a job of this generation may go on.
    func isCurrent(_ generation: Int) -> Bool {
        withState { $0.generation == generation && !$0.isExited }
    }

    /// Tells all sockets how many jobs are left.
    func announceStatus() {
        hub.send(.everyone, SocketMessage.status(remaining: withState { $0.remaining }))
    }

    /// Prepares the folders.
    func prepare() -> Bool {
        guard folders.prepare() else { return false }
        guard settings.exampleImage else { return true }
        let example = Picture(width: 512, height: 512, count: 1, fill: .pattern(1))
        let path = folders.path(.input) + "/example.png"
        return Disk.status(path) != nil || Disk.write(PNG.encode(example), to: path, replacing: false)
    }

    /// Starts again as after a kill.
    ///
    /// Queue, history, counter, cache, settings of users and temporary files are gone, all sockets are cut. Outputs stay.
    func restart() {
        withState { state in
            let settings = state.settings
            var random = state.random
            let letters = random.letters(5)
            state = State(
                settings: settings, generation: state.generation + 1, random: random, tempLetters: letters,
                totals: state.totals)
        }
        Disk.empty(folders.path(.temp))
        files.reset()
        log.clear()
        hub.dropAll()
        changes.notify()
        work.notify()
    }

    /// Ends the process: sockets are cut and requests are closed until a restart.
    func exit() {
        withState { $0.isExited = true }
        hub.dropAll()
        changes.notify()
    }
}

/// How many jobs ended in which way since the daemon started.
struct JobTotals: Sendable {
    var accepted = 0
    var refused = 0
    var succeeded = 0
    var failed = 0
    var interrupted = 0

    var json: JSON {
        [
            "accepted": .number(JSONNumber(accepted)), "refused": .number(JSONNumber(refused)),
            "succeeded": .number(JSONNumber(succeeded)), "failed": .number(JSONNumber(failed)),
            "interrupted": .number(JSONNumber(interrupted)),
        ]
    }
}
