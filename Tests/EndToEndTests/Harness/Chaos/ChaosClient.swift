import Glibc
import PluginAPI

/// Submits its jobs one after the other, as a client that means it: what was not answered is sent again.
///
/// It blocks, and stays in one thread.
struct ChaosClient {
    let plan: ChaosPlan.Client
    let cluster: Cluster
    let ledger: ChaosLedger
    private var wire: HTTPWire?

    /// How long a client goes on with one job.
    private static let patience = Duration.seconds(60 * Places.patience)

    init(_ plan: ChaosPlan.Client, _ cluster: Cluster, _ ledger: ChaosLedger) {
        (self.plan, self.cluster, self.ledger) = (plan, cluster, ledger)
    }

    mutating func run() {
        for job in plan.jobs {
            usleep(useconds_t(job.pause * 1e6))
            submit(job)
        }
    }

    private mutating func submit(_ job: ChaosPlan.Job) {
        let request = request(job)
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            guard let open = connection() else {
                usleep(50_000)
                continue
            }
            guard let answer = try? open.exchange(request) else {
                wire = nil
                ledger.count(\.lostAnswers)
                if job.promptID == nil { ledger.count(\.anonymousRepeats) }
                continue
            }
            if open.isLast || !plan.keepsAlive { wire = nil }
            if answer.status == 503, answer["retry-after"] != nil {
                ledger.count(\.refusals)
                usleep(100_000)
            } else {
                return note(answer, job)
            }
        }
        ledger.note(wrong: "job \(job.number) could not be submitted")
    }

    private mutating func connection() -> HTTPWire? {
        if wire == nil {
            wire = try? HTTPWire(port: cluster.gateway.port, timeout: 20 * Places.patience)
            if wire == nil { ledger.count(\.refusedConnections) }
        }
        return wire
    }

    private func note(_ answer: HTTPAnswer, _ job: ChaosPlan.Job) {
        let promptID = answer.json["prompt_id"]?.stringValue
        let gatewayJobID = answer.json["gateway_job_id"]?.stringValue
        let isRight = job.priority == nil ? promptID != nil && gatewayJobID == nil : gatewayJobID != nil
        guard answer.status == 200, isRight, promptID == nil || job.promptID == nil || promptID == job.promptID else {
            return ledger.note(wrong: "job \(job.number): \(answer)")
        }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        ledger.acknowledge(
            ChaosLedger.Entry(
                job: job, promptID: promptID ?? job.promptID, gatewayJobID: gatewayJobID,
                time: now.tv_sec * 1000 + now.tv_nsec / 1_000_000))
    }

    /// The request of a job, the same each time.
    private func request(_ job: ChaosPlan.Job) -> HTTPRequest {
        var body: JSON = ["prompt": job.graph]
        if let clientID = plan.clientID { body["client_id"] = .string(clientID) }
        if let priority = job.priority { body["priority"] = .number(JSONNumber(priority)) }
        if let promptID = job.promptID { body["prompt_id"] = .string(promptID) }
        return HTTPRequest(
            method: "POST", target: "/api/prompt", fields: [("Content-Type", "application/json")],
            body: body.serialized(), keepAlive: plan.keepsAlive)
    }
}
