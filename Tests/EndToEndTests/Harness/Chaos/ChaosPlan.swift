import Glibc
import PluginAPI
import PluginTestKit

/// What happens in a run of chaos, all of it decided by a seed.
struct ChaosPlan: Sendable {
    /// A job that a client submits.
    struct Job: Sendable {
        let number: Int
        /// `nil` submits without one.
        let priority: Int?
        /// The client's own `prompt_id`, if it gives one.
        let promptID: String?
        /// How long its execution takes, in seconds.
        let seconds: Double
        /// How long its client waits before it, in seconds.
        let pause: Double

        /// The prefix of its file.
        var prefix: String { "chaos-\(number)" }
        var graph: JSON { Workflow.slow(prefix, seconds: seconds, steps: 3, color: number) }
    }

    /// A client with its jobs, in its order.
    struct Client: Sendable {
        /// `nil` sends none.
        let clientID: String?
        /// Whether its requests share a connection.
        let keepsAlive: Bool
        let jobs: [Job]
    }

    let seed: UInt64
    let clients: [Client]
    /// The daemon is killed when so many jobs are acknowledged.
    let daemonKills: [Int]

    var jobCount: Int { clients.reduce(0) { $0 + $1.jobs.count } }

    /// Plans so many jobs.
    init(seed: UInt64, jobs count: Int) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        let kinds: [(clientID: String?, keepsAlive: Bool)] = [
            ("ada", true), ("ben", false), ("cleo", true), ("dan", false), (nil, true), (nil, false),
        ]
        clients = kinds.enumerated().map { index, kind in
            let numbers = stride(from: index, to: count, by: kinds.count)
            return Client(
                clientID: kind.clientID, keepsAlive: kind.keepsAlive,
                jobs: numbers.map { Self.job($0, &random) })
        }
        daemonKills = (0..<3).map { kill in
            Int(Double(count) * (Double(kill) + Double.random(in: 0.2..<0.9, using: &random)) / 3.2)
        }
    }

    private static func job(_ number: Int, _ random: inout SeededRandom) -> Job {
        let priorities: [Int?] = [nil, nil, -3, 0, 1, 5, 10]
        return Job(
            number: number, priority: priorities.randomElement(using: &random) ?? nil,
            promptID: Bool.random(using: &random) ? uuid(&random) : nil,
            seconds: Double.random(in: 0.1..<0.25, using: &random),
            pause: Double.random(in: 0..<0.5, using: &random))
    }

    private static func uuid(_ random: inout SeededRandom) -> String {
        let digits = (0..<32).map { _ in String(Int.random(in: 0..<16, using: &random), radix: 16) }
        let text = digits.joined()
        let ends = [8, 12, 16, 20, 32]
        return zip([0] + ends, ends).map { String(Array(text)[$0..<$1]) }.joined(separator: "-")
    }
}
