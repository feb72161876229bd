import PluginAPI
import Testing

/// What must be true when the chaos is over.
struct ChaosCheck: Sendable {
    let cluster: Cluster
    let seed: UInt64
    let counts: ChaosLedger.Counts

    /// Checks each job by itself, over HTTP; gives their stories.
    func jobs(_ entries: [ChaosLedger.Entry]) async throws -> [JobStory] {
        try await inLanes(entries) { entry in
            let id = try #require(entry.promptID)
            #expect(try await cluster.status(id)["status"] == "done", "seed \(seed): \(id)")
            if let gatewayJobID = entry.gatewayJobID {
                let job = try await cluster.gatewayJob(gatewayJobID)
                #expect(job["status"] == "done", "seed \(seed): \(job)")
                #expect(job["prompt_id"] == .string(id), "seed \(seed): \(job)")
            }
            try await result(entry, id)
            return try await story(entry, id)
        }
    }

    private func result(_ entry: ChaosLedger.Entry, _ id: String) async throws {
        let history = try #require(try await cluster.history(id), "seed \(seed): no history of \(id)")
        #expect(history["prompt"]?[1] == .string(id), "seed \(seed)")
        let images = try #require(history["outputs"]?["9"]?["images"]?.arrayValue, "seed \(seed): \(history)")
        #expect(images.count == 1, "seed \(seed): \(id) has \(images.count) images")
        let image = try #require(images.first)
        #expect(image["filename"]?.stringValue?.hasPrefix(entry.job.prefix + "_") == true, "seed \(seed): \(image)")
        // Files outlive the servers that wrote them.
        let file = try await cluster.fetch(link: try #require(image["url"]?.stringValue))
        #expect(file.status == 200 && file.body.starts(with: [0x89, 0x50, 0x4E, 0x47]), "seed \(seed): \(id) \(file)")
    }

    private func story(_ entry: ChaosLedger.Entry, _ id: String) async throws -> JobStory {
        let answer = try await cluster.probe.get("/api/task/\(id)/explain")
        let story = try #require(JobStory(answer.json, priority: entry.job.priority ?? 0), "seed \(seed): \(answer)")
        #expect(story.promptID == id, "seed \(seed)")
        let ends = story.events.filter { JobStory.finalStates.contains($0.state) }
        #expect(ends.map(\.state) == ["done"], "seed \(seed): \(answer)")
        #expect(story.events.last?.state == "done", "seed \(seed): \(answer)")
        #expect(answer.json["state"] == "done", "seed \(seed)")
        return story
    }

    /// Checks all jobs together, and prints what happened.
    func totals(_ entries: [ChaosLedger.Entry], _ stories: [JobStory]) async throws {
        let ids = entries.compactMap(\.promptID)
        #expect(Set(ids).count == entries.count, "seed \(seed): an id was given twice")

        // A submit without an id of its own that was not answered may have made a job that nobody knows.
        let all = try await total("")
        #expect((entries.count...entries.count + counts.anonymousRepeats).contains(all), "seed \(seed): \(all) jobs")
        try await eventually("seed \(seed): all jobs are done") { try await total("state=done") == all }

        let (starts, ends) = (try cluster.runs("started"), try cluster.runs("ended"))
        // A job runs again only if it was taken from a worker that had, or may have, lost it.
        var unexplained: [String] = []
        for story in stories where !(1...story.requeues + 1).contains(starts[story.promptID, default: 0]) {
            unexplained.append("\(story.promptID): \(starts[story.promptID] ?? 0) runs, \(story.requeues) requeues")
        }
        #expect(unexplained.isEmpty, "seed \(seed): \(unexplained.prefix(5))")

        let times = Dictionary(
            entries.map { ($0.promptID ?? "", $0.time) }, uniquingKeysWith: { first, _ in first })
        let audit = PriorityAudit(stories, acknowledged: times)
        #expect(audit.violations.isEmpty, "seed \(seed): \(audit.violations.count): \(audit.violations.prefix(5))")
        #expect(audit.overtakings > entries.count / 30, "seed \(seed): too little waited to prove anything")

        let twice = ids.count { starts[$0, default: 0] > 1 }
        let endedTwice = ids.count { ends[$0, default: 0] > 1 }
        print(
            """
            chaos: seed \(seed), \(entries.count) jobs done; kills: \(counts.serverKills) of servers, \
            \(counts.daemonKills + 1) of the daemon, \(counts.passingFaults) hung or out of reach; clients: \(counts.lostAnswers) answers lost, \
            \(counts.refusedConnections) connections refused, \(counts.refusals) answers 503; \
            \(stories.reduce(0) { $0 + $1.requeues }) requeues, \(twice) jobs ran more than once (\(endedTwice) to the end), \
            \(audit.overtakings) overtook lower priorities
            """)
    }

    private func total(_ query: String) async throws -> Int {
        let answer = try await cluster.probe.get("/api/tasks?limit=1&\(query)")
        return try #require(answer.json["total"]?.intValue, "seed \(seed): \(answer)")
    }
}
