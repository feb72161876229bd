import PluginAPI

/// An agent: what the administrator decided, and what its heartbeats say.
struct AgentRecord: Sendable, Equatable {
    /// What the administrator decides.
    struct Decision: Sendable, Equatable {
        /// Its name.
        var name: String?
        /// The role of its server, such as `full` or `lite`.
        var role: String?
        /// Its machine.
        var host: String?
        /// Where tasks are pushed to.
        var baseURL: String?
        /// `active`, `inactive`, `disabled`, or a word of the operator's.
        var status = "active"
        /// Whether it is on the white list.
        var allowed = true
        /// Whatever the operator keeps here.
        var config: JSONObject?
    }

    /// What its heartbeats say.
    struct Report: Sendable, Equatable {
        /// When it was last heard of.
        var lastHeartbeatAt: Timestamp?
        /// Its load.
        var metrics: JSONObject?
        /// What it added.
        var payload: JSONObject?
        /// The agent's version.
        var agentVersion: String?
        /// The version of its ComfyUI.
        var comfyVersion: String?
        /// How it calls its own state.
        var status: String?
        /// The version of the manifest that it brought to its server last.
        var lastManifestVersion: String?
    }

    /// Its id, chosen by the administrator.
    let id: String
    /// What the administrator decided.
    var decision: Decision
    /// What its heartbeats say.
    var report = Report()
    /// When it was added.
    let createdAt: Timestamp
    /// When anything of it changed.
    var updatedAt: Timestamp

    /// Whether it may talk to the daemon: a heartbeat cannot lock it out, nor let it in.
    var mayTalk: Bool { decision.allowed && decision.status.lowercased() != "disabled" }

    /// The status to show: the administrator's, unless that is `active` and the agent has another word for it.
    var status: String {
        guard decision.status == "active", let reported = report.status, reported.lowercased() != "disabled" else {
            return decision.status
        }
        return reported
    }

    /// Where tasks are pushed to, without trailing slashes; `nil` when nothing says it.
    var pushURL: String? {
        let config = decision.config
        let candidates = [decision.baseURL, config?["baseUrl"]?.stringValue, config?["base_url"]?.stringValue]
        return candidates.lazy.compactMap { $0.map(PushURL.trimmed) }.first { !$0.isEmpty }
    }

    /// The agent as it is answered.
    func json(isOnline: Bool) -> JSON {
        [
            "id": .string(id), "name": JSON(decision.name), "role": JSON(decision.role), "host": JSON(decision.host),
            "baseUrl": JSON(decision.baseURL), "status": .string(status), "allowed": .bool(decision.allowed),
            "config": JSON(shownConfig),
            "metrics": JSON(report.metrics), "last_seen_at": JSON(report.lastHeartbeatAt),
            "last_heartbeat_at": JSON(report.lastHeartbeatAt),
            "last_manifest_version": JSON(report.lastManifestVersion), "created_at": JSON(createdAt),
            "updated_at": JSON(updatedAt), "online": .bool(isOnline),
        ]
    }

    /// The operator's configuration and what the heartbeats put into it.
    private var shownConfig: JSONObject? {
        var config = decision.config ?? [:]
        if let payload = report.payload { config["heartbeat"] = .object(payload) }
        if let version = report.agentVersion { config["agent_version"] = .string(version) }
        if let version = report.comfyVersion { config["comfyui_version"] = .string(version) }
        return decision.config == nil && config.isEmpty ? nil : config
    }
}
