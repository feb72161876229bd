import PluginAPI
import Testing

@Suite("the WebSocket of /api/v1 in a browser")
struct V1BrowserTests {
    /// The example of seed 004 runs as its text stands.
    ///
    /// It cannot in a page of its own: it sends while the connection is still being made, which a browser refuses, to a fixed
    /// address, with a comment for a workflow. So the page around it has a `WebSocket` that goes to the daemon, holds
    /// what is sent until the connection is open, and puts the workflow where the example has its empty `{ }`.
    @Test("the seed's example runs unchanged and logs every step up to the result", arguments: ServiceKind.allCases)
    func example(_ kind: ServiceKind) async throws {
        let example = try Files.text(Places.repository + "/Tests/EndToEndTests/Scripts/websocket-example.js")
        try await withService(kind, servers: 1) { service in
            let workflow = Workflow.slow("browser", seconds: 0.5, steps: 4)
            let visit = try await Browser.visit(
                "http://127.0.0.1:\(service.daemon.port)/",
                script: Self.page(workflow: workflow, example: example), within: 60)
            let lines = try #require(visit.value.arrayValue)
            let words = lines.compactMap { $0[0]?.stringValue }
            #expect(words.last == "工作流完成:", "\(lines)")
            #expect(words.count { $0 == "工作流完成:" } == 1)
            #expect(Set(words) == ["队列状态:", "进度:", "正在执行节点:", "节点执行完成:", "工作流完成:"])
            #expect(lines.filter { $0[0] == "正在执行节点:" }.map { $0[1] } == ["1", "5", "9"])
            #expect(lines.contains(["进度:", 4, "/", 4]))
            let result = try #require(lines.last?[1])
            #expect(result["success"] == true)
            #expect(result["outputs"]?["9"]?["images"]?[0]?["filename"]?.stringValue?.isEmpty == false)
        }
    }

    /// A script that runs the example, waits for the result and gives all that was logged.
    private static func page(workflow: JSON, example: String) -> String {
        """
        const lines = [];
        const finished = new Promise(resolve => {
          for (const name of ['log', 'error']) {
            const original = console[name];
            console[name] = (...words) => {
              original(...words);
              lines.push(words);
              if (words[0] === '工作流完成:') resolve();
            };
          }
        });
        const workflow = \(workflow.text());
        const Native = window.WebSocket;
        window.WebSocket = class extends Native {
          constructor(address) { super(address.replace('localhost:8000', location.host)); }
          send(text) {
            const message = JSON.parse(text);
            message.data.workflow = workflow;
            this.addEventListener('open', () => super.send(JSON.stringify(message)));
          }
        };
        const element = document.createElement('script');
        element.textContent = \(JSON.string(example).text());
        document.head.append(element);
        await finished;
        return lines;
        """
    }
}
