import PluginAPI

/// Something that an agent, or the daemon about an agent, says is wrong.
struct Alert: Sendable, Equatable {
    /// The number of its row.
    var id: Int64
    /// The agent; it may be gone since.
    var agentID: String
    /// What kind of alert: `disk_low`, or any other word.
    var type: String
    /// Words for people.
    var message: String
    /// Facts for machines, of the last repeat that had some.
    var payload: JSONObject?
    /// How often it was sent.
    var count: Int
    /// When it was sent first.
    var createdAt: Timestamp
    /// When it was sent last.
    var lastAt: Timestamp
    /// When somebody saw to it.
    var acknowledgedAt: Timestamp?
    /// Who did: `admin`, or `key:` and the id of an API key.
    var acknowledgedBy: String?

    /// The columns of a row.
    init(_ row: Row) throws {
        id = try row.get("id")
        agentID = try row.get("agent_id")
        type = try row.get("alert_type")
        message = try row.get("message")
        payload = try row.object("payload")
        count = try row.get("times")
        createdAt = try row.get("created_at")
        lastAt = try row.get("last_at")
        acknowledgedAt = try row.optional("acknowledged_at")
        acknowledgedBy = try row.optional("acknowledged_by")
    }

    /// A new one.
    init(id: Int64, _ draft: AlertDraft, at time: Timestamp) {
        self.id = id
        agentID = draft.agentID
        type = draft.type
        message = draft.message
        payload = draft.payload
        count = 1
        createdAt = time
        lastAt = time
    }

    /// The keys of the seed, and the daemon's own.
    var members: JSONObject {
        [
            "id": JSON(id), "agentId": .string(agentID), "alertType": .string(type),
            "message": .string(message), "payload": JSON(payload),
            "created_at": .string(createdAt.iso8601), "count": JSON(count),
            "last_at": .string(lastAt.iso8601),
            "acknowledged_at": JSON(acknowledgedAt),
            "acknowledged_by": JSON(acknowledgedBy),
        ]
    }

    /// The alert as it is answered.
    var json: JSON { .object(members) }
}

/// An alert before it is stored.
struct AlertDraft: Sendable {
    /// The agent.
    var agentID: String
    /// What kind of alert.
    var type: String
    /// Words for people.
    var message: String
    /// Facts for machines.
    var payload: JSONObject?
}
