import PluginAPI

/// What a heartbeat says.
struct Heartbeat: Sendable {
    private let status: String?
    private let metrics: JSONObject?
    private let payload: JSONObject?
    private let agentVersion: String?
    private let comfyVersion: String?

    /// Checks a body whose keys are spelled `agentVersion`.
    ///
    /// - Throws: ``HTTPError`` 422.
    init(_ body: BodyForm) throws {
        var form = body
        status = form.text("status", longest: 32)
        agentVersion = form.text("agentVersion", longest: 255)
        comfyVersion = form.text("comfyuiVersion", longest: 255)
        payload = form.object("payload")
        // The flat numbers are percentages and overlay the ratios of `metrics`: that is what clients see.
        let given = form.object("metrics")
        var metrics = given ?? [:]
        for (key, name) in [("cpu", "cpu"), ("mem", "mem"), ("diskFreeGb", "disk_free_gb")] {
            if let value = form.number(key) { metrics[name] = value }
        }
        if let gpu = form.object("gpu") { metrics["gpu"] = .object(gpu) }
        self.metrics = given == nil && metrics.isEmpty ? nil : metrics
        try form.finish()
    }

    /// Puts it into an agent's report; what it does not say stays.
    func apply(to report: inout AgentRecord.Report, at time: Timestamp) {
        report.lastHeartbeatAt = time
        if let metrics { report.metrics = metrics }
        if let payload { report.payload = payload }
        if let agentVersion { report.agentVersion = agentVersion }
        if let comfyVersion { report.comfyVersion = comfyVersion }
        if let status { report.status = status }
    }
}
