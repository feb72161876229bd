import PluginAPI
import PluginTestKit
import Testing

@testable import Gateway

@Suite("Bodies that a worker would not survive stay here")
struct PoisonTests {
    private static let node = #""1":{"class_type":"A","inputs":{}}"#

    @Test(
        "they are answered 400 in ComfyUI's form, and reach no worker",
        arguments: [
            // comfyui/api.md §12
            #""extra_data":null"#, #""extra_data":5"#, #""extra_data":"x""#, #""extra_data":[]"#,
            #""extra_data":{"extra_pnginfo":"x"}"#, #""extra_data":{"extra_pnginfo":[1]}"#,
            #""extra_data":{"extra_pnginfo":7}"#, #""extra_data":{"client_id":{}}"#,
            #""client_id":{}"#, #""client_id":["x"]"#, #""client_id":7"#, #""client_id":true"#,
            // §1
            #""number":"abc""#, #""number":null"#, #""number":NaN"#, #""number":-Infinity"#, #""number":"nan""#,
            #""number":{}"#, #""number":1e999"#, #""partial_execution_targets":"9""#,
            #""partial_execution_targets":[9]"#, #""other":NaN"#,
        ])
    func keys(key: String) async throws {
        try await refused("{\"prompt\":{\(Self.node)},\(key)}")
    }

    @Test(
        "so are graphs with nodes of the wrong form, used or not",
        arguments: [
            #"{"class_type":"A"}"#, #"{"class_type":"A","inputs":null}"#, #"{"class_type":"A","inputs":[]}"#,
            #"{"inputs":{}}"#, #"{"class_type":null,"inputs":{}}"#, #"{"class_type":5,"inputs":{}}"#, "null", "[]",
            #""A""#, "7", #"{"class_type":"A","inputs":{"x":NaN}}"#,
        ])
    func nodes(node: String) async throws {
        try await refused("{\"prompt\":{\(Self.node),\"2\":\(node)}}")
    }

    @Test("ids that a worker could not be asked for are refused", arguments: [".", ".."])
    func dots(id: String) async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")]) { rig in
            #expect(await rig.submit(["prompt_id": .string(id)]).status == .unprocessableContent)
        }
    }

    @Test("a client id that is no id is refused, because it would be kept with every job", arguments: [1000, 1001])
    func longClientID(length: Int) async throws {
        try await GatewayRig.run([FakeComfy("http://a:1")]) { rig in
            let answer = await rig.submit(["client_id": .string(String(repeating: "c", count: length))])
            #expect(answer.status == (length > 1000 ? .unprocessableContent : .ok))
        }
    }

    @Test(
        "a refusal does not send back what is long",
        arguments: [#""\#(String(repeating: "a", count: 5000))""#, String(repeating: "1", count: 5000)])
    func echo(value: String) async throws {
        try await GatewayRig.run([]) { rig in
            let answer = await rig.call(.post, "/api/prompt", raw: "{\"prompt\":{},\"priority\":\(value)}")
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["detail"]?[0]?["input"]?.stringValue?.count == 201)
        }
    }

    @Test(
        "bodies are nested so little that the answers of workers which repeat them can be read",
        arguments: [(470, Status.ok), (490, .unprocessableContent), (509, .unprocessableContent)])
    func nesting(levels: Int, expected: Status) async throws {
        let nested = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        try await GatewayRig.run([FakeComfy("http://a:1")]) { rig in
            for key in [#""extra_data":{"x":\#(nested)}"#, #""priority":1,"extra_data":{"x":\#(nested)}"#] {
                let answer = await rig.call(.post, "/api/prompt", raw: "{\"prompt\":{\(Self.node)},\(key)}")
                #expect(answer.status == expected, "\(answer.json)")
            }
        }
    }

    private func refused(_ body: String) async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            for priority in ["", #""priority":1,"#] {
                let body = "{" + priority + body.dropFirst()
                let answer = await rig.call(.post, "/api/prompt", raw: body)
                #expect(answer.status == .badRequest, "\(body): \(answer.json)")
                for key in ["type", "message", "details"] {
                    #expect(answer.json["error"]?[key]?.stringValue != nil)
                }
                #expect(answer.json["error"]?["extra_info"] == [:])
                #expect(answer.json["node_errors"] == [:])
            }
            #expect(!worker.with { $0.requests.contains { $0.url.hasSuffix("/prompt") } })
            #expect(rig.engine.waiting.count == 0)
            let open = try await rig.engine.store.openJobs()
            #expect(open.isEmpty)
        }
    }

    @Test("what only looks odd passes: texts of numbers, null for nothing, unknown keys")
    func harmless() async throws {
        let worker = FakeComfy("http://a:1")
        let keys = [
            #""number":"4""#, #""client_id":null"#, #""extra_data":{"extra_pnginfo":null}"#,
            #""partial_execution_targets":null"#, #""front":"yes""#, #""x":{"y":[null]}"#,
        ]
        try await GatewayRig.run([worker], ["max_in_flight": 100]) { rig in
            for key in keys {
                let answer = await rig.call(.post, "/api/prompt", raw: "{\"prompt\":{\(Self.node)},\(key)}")
                #expect(answer.status == .ok, "\(key): \(answer.json)")
            }
            #expect(worker.submitted.count == keys.count)
        }
    }

    @Test("the same prompt_id and number twice reach a worker once")
    func twice() async throws {
        let worker = FakeComfy("http://a:1")
        try await GatewayRig.run([worker]) { rig in
            for _ in 0..<2 { #expect(await rig.submit(["prompt_id": "p", "number": 5]).status == .ok) }
            #expect(worker.submitted == ["p"])
        }
    }

    /// A chain of nodes, each with a link to the one before; the first may have one to the last.
    private static func chain(_ count: Int, isCircle: Bool = false) -> JSON {
        var nodes: JSONObject = [:]
        for number in (0..<count).reversed() {
            let source = number > 0 ? number - 1 : count - 1
            let inputs: JSON = number > 0 || isCircle ? ["x": [.string("n\(source)"), 0]] : ["x": 1]
            nodes["n\(number)"] = ["class_type": "A", "inputs": inputs]
        }
        return .object(nodes)
    }

    @Test("a chain of nodes longer than the limit is refused, however it comes; broad graphs and circles pass")
    func depth() async throws {
        let worker = FakeComfy("http://a:1")
        var broad = Self.chain(500).objectValue ?? [:]
        for number in 0..<2000 { broad["m\(number)"] = ["class_type": "A", "inputs": ["x": ["n498", 0]]] }
        let wide: JSON = .object(broad)
        try await GatewayRig.run([worker], ["max_in_flight": 100]) { rig in
            for extra: JSONObject in [[:], ["priority": 3], ["prompt_id": "mine"]] {
                let answer = await rig.submit(extra.with("prompt", Self.chain(501)))
                #expect(answer.status == .badRequest)
                #expect(answer.json["error"]?["type"] == "prompt_too_deep")
                #expect(answer.json["error"]?["details"] == "501 nodes, the limit is 500")
            }
            #expect(worker.submitted.isEmpty)
            for graph in [Self.chain(500), wide, Self.chain(900, isCircle: true)] {
                #expect(await rig.submit(["prompt": graph]).status == .ok)
            }
            #expect(worker.submitted.count == 3)
        }
    }
}
