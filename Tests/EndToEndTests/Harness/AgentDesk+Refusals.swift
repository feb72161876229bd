import Glibc
import PluginAPI
import Testing

extension AgentDesk {
    /// The agents' settings that ``prepareRefusals()`` needs.
    static let refusalSettings = """
        jwt_secrets: "\(TokenPress.keys)"
        development: true
        debug_tokens: [debug]
        """

    /// Adds agents, manifests, tasks and tokens of which each is wrong in its own way.
    ///
    /// - Returns: The tokens by the names that say what is wrong with them.
    func prepareRefusals() async throws -> [String: String] {
        for (id, url) in [
            ("a", taker.url), ("b", taker.url), ("off", taker.url), ("gone", ""), ("nowhere", ""),
            ("dead", "http://127.0.0.1:9"), ("cloud", "http://169.254.169.254"),
        ] {
            try await add("/agents", ["id": .string(id), "baseUrl": .string(url)])
        }
        for version in ["1", "2"] { try await add("/manifests", ["role": "full", "version": .string(version)]) }
        var nonces: [String: String] = [:]
        var ends: [String: Int] = [:]
        func task(_ id: String, of agent: String, manifest: JSON = .null, for seconds: Int = 3600) async throws
            -> String
        {
            let end = time(nil) + seconds
            let token = try await taskToken([
                "agentId": .string(agent), "taskId": .string(id), "manifestId": manifest,
                "expiresAt": .string(Timestamp(milliseconds: Int64(end) * 1000).iso8601),
            ])
            ends[id] = end
            nonces[id] = try await admin("GET", "/tasks/\(id)").json["tokenNonce"]?.stringValue
            return token
        }
        var tokens = ["admin": try daemon.adminToken, "text": "text", "debug": "debug"]
        for (name, id) in [("agent", "a"), ("off", "off"), ("gone", "gone")] {
            tokens[name] = try await token(of: id)
        }
        _ = try await task("late", of: "a", manifest: 1, for: 3)
        _ = try await task("off-late", of: "off", for: 3)
        _ = try await task("of-off", of: "off")
        tokens["task"] = try await task("t1", of: "a", manifest: 1)
        let done = try await agent("POST", "/tasks/done/complete", as: try await task("done", of: "a"))
        try #require(done.status == 200, "\(done)")
        tokens["revoked"] = try await task("t3", of: "a", manifest: 2)
        try #require(try await admin("POST", "/tasks/t3/revoke").status == 200)
        try #require(try await admin("PUT", "/agents/off", #"{"status": "disabled"}"#).status == 200)
        try #require(try await admin("DELETE", "/agents/gone").status == 200)

        let press = try TokenPress()
        func claims(_ agent: String, _ task: String?, nonce: String? = nil, in seconds: Int = 3600) -> JSONObject {
            let known = task.flatMap { nonces[$0] } ?? ""
            return TokenPress.claims(agent: agent, task: task, nonce: nonce ?? known, expiresAt: time(nil) + seconds)
        }
        let right = claims("a", "t1")
        func without(_ key: String, _ claims: JSONObject) -> JSONObject {
            JSONObject(claims.filter { $0.key != key }.map { ($0.key, $0.value) })
        }
        let elsewhere: JSON = ["alg": "HS256", "typ": "JWT", "kid": "third"]
        let none: JSON = ["alg": "none", "typ": "JWT", "kid": "third"]
        tokens["none of another key"] = try await press.token(right, header: none)
        tokens["unsigned of no key"] = try await press.token(
            right, header: ["alg": "HS256", "typ": "JWT"], isSigned: false)
        tokens["unsigned of another key"] = try await press.token(right, header: elsewhere, isSigned: false)
        tokens["unsigned and expired"] = try await press.token(claims("a", "t1", in: -60), isSigned: false)
        tokens["expired without agent"] = try await press.token(without("agent_id", claims("a", "t1", in: -60)))
        tokens["agent's without agent"] = try await press.token(without("agent_id", claims("a", nil)))
        tokens["off's ghost task"] = try await press.token(claims("off", "ghost"))
        tokens["a's ghost task"] = try await press.token(claims("a", "ghost"))
        tokens["b's for t1, other nonce"] = try await press.token(claims("b", "t1", nonce: "0"))
        tokens["off's, other nonce"] = try await press.token(claims("off", "of-off", nonce: "0"))
        tokens["off's late"] = try await press.token(claims("off", "off-late"))
        tokens["late"] = try await press.token(claims("a", "late"))
        // One that was made by hand counts where all is right, so that the refusals are for what is wrong.
        let taken = try await agent("POST", "/tasks/t1/events", as: try await press.token(right), #"{"message": "m"}"#)
        try #require(taken.status == 200, "\(taken)")
        let over = max(ends["late"] ?? 0, ends["off-late"] ?? 0)
        try await eventually("two tasks are over") { time(nil) > over }
        return tokens
    }
}
