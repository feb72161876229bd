import PluginAPI

/// What a server of a role should have (`spec/agents.md` §3).
struct Manifest: Sendable, Equatable {
    /// The number it was given.
    let id: Int64
    /// The role of the servers it is for.
    var role: String
    /// Its version, once per role.
    var version: String
    /// `active`, or a word of the operator's.
    var status = "active"
    /// Where else it can be fetched.
    var downloadURL: String?
    /// Models, plugins, workflows.
    var content: JSONObject?
    /// For people.
    var notes: String?
    /// When it was made.
    let createdAt: Timestamp
    /// When it was changed.
    var updatedAt: Timestamp

    /// The manifest as it is answered, and as agents read it.
    var json: JSONObject {
        [
            "id": JSON(id), "role": .string(role), "version": .string(version),
            "status": .string(status), "downloadUrl": JSON(downloadURL),
            "content": JSON(content), "notes": JSON(notes),
            "created_at": .string(createdAt.iso8601), "updated_at": .string(updatedAt.iso8601),
        ]
    }

    /// The manifest with the number that it was given.
    func with(id: Int64) -> Manifest {
        Manifest(
            id: id, role: role, version: version, status: status, downloadURL: downloadURL, content: content,
            notes: notes, createdAt: createdAt, updatedAt: updatedAt)
    }
}
