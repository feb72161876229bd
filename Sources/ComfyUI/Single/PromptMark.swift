import PluginAPI

/// What a prompt of ours carries in its `extra_data`: the server keeps it in its queue and its history, so that the
/// prompt's owner is known after a restart of the daemon too.
///
/// Never shown: ``PluginAPI/JSONObject/hidePrivateKeys(clientID:)`` removes it.
struct PromptMark: Sendable {
    /// Our id of the prompt; old servers choose their own.
    var promptID: String
    /// The caller's WebSocket id, if it gave one.
    var clientID: String?
    /// Whose prompt it is, see ``JobCaller``.
    var caller: String
    /// When it was submitted.
    var createdAt: Timestamp
    /// See ``Fingerprint``.
    var fingerprint: String

    /// The key of `extra_data`.
    static let key = "comfyd"

    /// The mark as JSON.
    var json: JSON {
        var object: JSONObject = ["prompt_id": .string(promptID), "caller": .string(caller)]
        if let clientID { object["client_id"] = .string(clientID) }
        object["created_at"] = .number(JSONNumber(Int(createdAt.milliseconds)))
        object["fingerprint"] = .string(fingerprint)
        return .object(object)
    }
}

extension PromptMark {
    /// Reads the mark of an `extra_data`; `nil` when it is not there, or the prompt is not of this daemon.
    ///
    /// - Parameter identity: Our client id towards the server.
    init?(_ extraData: JSONObject, identity: String) {
        guard extraData["client_id"]?.stringValue == identity, let mark = extraData[Self.key],
            let promptID = mark["prompt_id"]?.stringValue, let caller = mark["caller"]?.stringValue
        else { return nil }
        self.init(
            promptID: promptID, clientID: mark["client_id"]?.stringValue, caller: caller,
            createdAt: Timestamp(milliseconds: Int64(mark["created_at"]?.intValue ?? 0)),
            fingerprint: mark["fingerprint"]?.stringValue ?? "")
    }

    /// The client id that an `extra_data` is shown with: its caller's.
    static func shownClientID(_ extraData: JSONObject) -> String? {
        guard let mark = extraData[key]?.objectValue else { return extraData["client_id"]?.stringValue }
        return mark["client_id"]?.stringValue
    }
}
