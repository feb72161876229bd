import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// The table of `spec/agents.md` §7, each state with each happening.
@Suite struct TaskStateTests {
    /// What follows; pairs that are not here change nothing.
    private static let moves: [TaskState: [TaskState.Happening: TaskState]] = [
        .pending: [
            .accepted: .running, .refused: .rejected, .reported: .running, .completed: .success, .failed: .failed,
            .cancelled: .rejected, .expired: .failed,
        ],
        .running: [
            .refused: .rejected, .completed: .success, .failed: .failed, .cancelled: .rejected, .expired: .failed,
        ],
        .success: [:],
        .failed: [.retried: .pending],
        .rejected: [.retried: .pending],
    ]

    @Test("every state answers every happening as the table says", arguments: TaskState.allCases)
    func table(_ state: TaskState) throws {
        let moves = try #require(Self.moves[state])
        for happening in TaskState.Happening.allCases {
            #expect(state.after(happening) == moves[happening], "\(state) after \(happening)")
        }
    }

    @Test("nothing that an agent says leads out of an end")
    func ends() {
        for state in TaskState.allCases where state.isFinal {
            for happening in TaskState.Happening.allCases where happening != .retried {
                #expect(state.after(happening) == nil, "\(state) after \(happening)")
            }
        }
    }

    @Test("of contradicting receipts that come at once, one counts, on disk and in every answer")
    func race() async throws {
        try await withAgents { rig in
            let (task, token) = try await rig.oneTask()
            let answers = await withTaskGroup(of: JSON?.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let route = number.isMultiple(of: 2) ? "complete" : "failed"
                        return await rig.agent(
                            .post, "/tasks/\(task.id)/\(route)", token: token, ["message": .string("\(number)")]
                        ).json
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            let stored = try await rig.tasks.find(task.id)
            #expect(stored.state.isFinal)
            for answer in answers { #expect(answer == .object(stored.json)) }
        }
    }

    @Test("a token that is revoked between its check and the report does not count")
    func revokedMeanwhile() async throws {
        try await withAgents { rig in
            let (task, _) = try await rig.oneTask()
            let reports = TaskReports(tasks: rig.tasks, roster: rig.host.plugin.roster, clock: rig.host.clock)
            _ = try await rig.tasks.tell(task.id, .notAccepted) { task, _ in task.nonce = "another" }
            await #expect(throws: HTTPError.self) {
                _ = try await reports.take(EventForm(BodyForm(["message": "m"])), of: task)
            }
            await #expect(throws: HTTPError.self) { _ = try await reports.take(Receipt([:], .complete), of: task) }
            #expect(try await rig.tasks.find(task.id).state == .pending)
            #expect(try await rig.tasks.events(of: task.id, limit: 10).isEmpty)
        }
    }
}
