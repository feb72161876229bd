import PluginAPI

/// What a simulated server wrote about the prompts that it ran; it outlives the server.
struct RunLog: Sendable {
    /// A line of it.
    struct Line: Sendable {
        /// Milliseconds since 1970.
        let time: Int
        /// `accepted`, `started` or `ended`.
        let step: String
        let promptID: String
    }

    let lines: [Line]

    init(file: String) throws {
        let text = Files.exists(file) ? try Files.text(file) : ""
        lines = text.split(separator: "\n").compactMap { line in
            guard let json = try? JSON(parsing: String(line)), let time = json["at"]?.intValue,
                let step = json["step"]?.stringValue, let id = json["prompt_id"]?.stringValue
            else { return nil }
            return Line(time: time, step: step, promptID: id)
        }
    }

    /// The prompts of all lines of a kind, in their order.
    func prompts(_ step: String) -> [String] {
        lines.filter { $0.step == step }.map(\.promptID)
    }
}

extension SimulatedServer {
    /// What it ran so far, its earlier lives included.
    var runs: RunLog {
        get throws { try RunLog(file: directory.file("runs.log")) }
    }
}

extension Cluster {
    /// How often a step of each prompt was made, on any server.
    func runs(_ step: String) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for server in servers {
            for id in try server.runs.prompts(step) { counts[id, default: 0] += 1 }
        }
        return counts
    }
}
