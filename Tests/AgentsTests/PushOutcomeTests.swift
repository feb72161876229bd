import PluginAPI
import Testing

@testable import Agents

/// The table of `spec/agents.md` §5, as a function.
@Suite("what the answer to a push means")
struct PushOutcomeTests {
    @Test(
        "each status of an answer",
        arguments: [
            (200, TaskState.Happening.accepted, nil, nil), (202, .accepted, nil, nil), (204, .accepted, nil, nil),
            (301, .notAccepted, "AGENT_HTTP_301", .pushFailed), (307, .notAccepted, "AGENT_HTTP_307", .pushFailed),
            (400, .notAccepted, "AGENT_HTTP_400", .pushFailed), (401, .refused, "AGENT_HTTP_401", .pushFailed),
            (403, .refused, "AGENT_HTTP_403", .pushFailed), (404, .notAccepted, "AGENT_HTTP_404", .pushFailed),
            (409, .notAccepted, "AGENT_BUSY", nil), (422, .refused, "AGENT_HTTP_422", .pushFailed),
            (500, .notAccepted, "AGENT_HTTP_500", .pushFailed), (503, .notAccepted, "AGENT_HTTP_503", .pushFailed),
        ] as [(Int, TaskState.Happening, String?, AgentCode?)])
    func answers(_ status: Int, _ happening: TaskState.Happening, _ words: String?, _ failure: AgentCode?) {
        let outcome = PushOutcome(Status(status))
        #expect(outcome.happening == happening)
        #expect(outcome.errorMessage == words)
        #expect(outcome.status?.code == status)
        // An answer counts as it is, whatever was reported before it.
        #expect(outcome.failure(hasReported: false) == failure)
        #expect(outcome.failure(hasReported: true) == failure)
    }

    @Test(
        "each way to get no answer",
        arguments: [
            (.connect, false, "AGENT_PUSH_FAILED"), (.resolve, false, "AGENT_PUSH_FAILED"),
            (.tls, false, "AGENT_PUSH_FAILED"), (.timeout, true, "AGENT_PUSH_TIMEOUT"),
            (.connection, true, "AGENT_PUSH_TIMEOUT"), (.connection, false, "AGENT_PUSH_FAILED"),
        ] as [(HTTPClientError.Reason, Bool, String)])
    func noAnswer(_ reason: HTTPClientError.Reason, _ mayHaveBeenProcessed: Bool, _ words: String) {
        let outcome = PushOutcome(HTTPClientError(reason, mayHaveBeenProcessed: mayHaveBeenProcessed, "no"))
        #expect(outcome.happening == .notAccepted)
        #expect(outcome.errorMessage == words && outcome.status == nil)
        #expect(outcome.failure(hasReported: false) == .pushFailed)
        #expect(outcome.failure(hasReported: true) == nil)
        #expect(outcome.mayPass)
    }

    @Test(
        "an address that is not allowed, or is none, is no failure of the agent's, and no push passes it",
        arguments: [HTTPClientError.Reason.addressRefused, .invalidURL])
    func forbidden(_ reason: HTTPClientError.Reason) {
        let outcome = PushOutcome(HTTPClientError(reason, mayHaveBeenProcessed: false, "no"))
        #expect(outcome == .forbidden && outcome.failure(hasReported: true) == .targetRefused && !outcome.mayPass)
    }

    @Test("what another push may do better")
    func mayPass() {
        let passing = [200, 301, 400, 401, 404, 408, 409, 422, 429, 500, 503].filter { PushOutcome(Status($0)).mayPass }
        #expect(passing == [408, 409, 429, 500, 503])
    }
}
