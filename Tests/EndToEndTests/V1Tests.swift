import PluginAPI
import Testing

@Suite("the service /api/v1")
struct V1Tests {
    @Test("a submitted workflow runs, under the id that the answer names", arguments: [ServiceKind.cluster])
    func submit(_ kind: ServiceKind) async throws {
        try await withService(kind) { service in
            let answer = try await service.probe.post(
                "/api/v1/workflows/submit", ["workflow": Workflow.image("v1"), "client_id": "my_client"])
            #expect(answer.status == 200)
            let id = try #require(answer.json["prompt_id"]?.stringValue)
            #expect(answer.json["client_id"] == "my_client")
            #expect(answer.json["number"]?.intValue != nil)
            #expect(answer.json["node_errors"] == [:])
            try await eventually("a server has run \(id)") {
                for server in service.servers where try await server.history().contains(id) { return true }
                return false
            }
        }
    }
}
