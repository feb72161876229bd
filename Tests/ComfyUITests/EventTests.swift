import ComfyUI
import PluginAPI
import Testing

@Suite("Frames of a server's WebSocket")
struct EventTests {
    @Test("a progress message gives node, value and maximum")
    func progress() throws {
        let event = try #require(
            ComfyEvent(text: #"{"type":"progress","data":{"value":1,"max":3,"prompt_id":"p","node":"2"}}"#))
        guard case .progress("p", "2", 1, 3) = event.message else {
            Issue.record("\(event.message)")
            return
        }
        #expect(event.message.showsExecution)
    }

    @Test("executing without a node ends a prompt, whatever came before")
    func end() throws {
        let event = try #require(ComfyEvent(text: #"{"type":"executing","data":{"node":null,"prompt_id":"p"}}"#))
        #expect(event.message.endsPrompt)
        #expect(event.message.promptID == "p")
    }

    @Test(
        "frames that cannot be understood are skipped or harmless",
        arguments: ["", "x", "[]", "{}", #"{"type":1}"#, #"{"type":"progress","data":null}"#, #"{"type":"status"}"#])
    func malformedText(text: String) {
        #expect(ComfyEvent(text: text)?.message.promptID == nil)
    }

    @Test("a preview with metadata names its prompt and node")
    func preview() throws {
        let head = Array(#"{"node_id":"2.1","display_node_id":"2","prompt_id":"p","image_type":"image/png"}"#.utf8)
        let frame: [UInt8] = [0, 0, 0, 4, 0, 0, 0, UInt8(head.count)] + head + [9, 8, 7]
        guard case .preview(let preview) = try #require(ComfyEvent(binary: frame)).message else { return }
        #expect(preview.promptID == "p")
        #expect(preview.nodeID == "2")
        #expect(preview.mimeType == "image/png")
        #expect(preview.image == [9, 8, 7])
    }

    @Test("a legacy preview and a text are told apart")
    func legacy() throws {
        guard case .preview(let preview) = try #require(ComfyEvent(binary: [0, 0, 0, 1, 0, 0, 0, 2, 5])).message
        else { return }
        #expect(preview.mimeType == "image/png")
        guard case .text("4", "hi") = try #require(ComfyEvent(binary: [0, 0, 0, 3, 0, 0, 0, 1, 52, 104, 105])).message
        else {
            Issue.record("no text")
            return
        }
    }

    @Test(
        "a binary frame that is cut short gives nothing",
        arguments: [
            [], [0], [0, 0, 0, 4], [0, 0, 0, 4, 255, 255, 255, 255], [0, 0, 0, 3, 0, 0, 0, 9, 1],
            [0, 0, 0, 7, 1, 1, 1, 1],
            [0, 0, 0, 1, 0, 0],
        ] as [[UInt8]])
    func malformedBinary(bytes: [UInt8]) {
        #expect(ComfyEvent(binary: bytes) == nil || bytes.isEmpty == false && bytes.count > 20)
    }
}

@Suite("Progress over all nodes")
struct ProgressTests {
    @Test("finished and cached nodes count whole, the current node by its share")
    func sum() {
        var progress = ProgressTracker(nodeCount: 4)
        progress.apply(.executionCached(promptID: "p", nodes: ["1"]))
        #expect(progress.percent == 25)
        progress.apply(.executing(promptID: "p", node: "2", displayNode: "2"))
        progress.apply(.progress(promptID: "p", node: "2", value: 1, maximum: 2))
        #expect(progress.percent == 37.5)
        #expect(progress.currentNode == "2")
        progress.apply(.executing(promptID: "p", node: "3", displayNode: "3"))
        #expect(progress.percent == 50)
    }

    @Test("nodes of an expanded subgraph do not count as nodes of the graph")
    func subgraph() {
        var progress = ProgressTracker(nodeCount: 2)
        progress.apply(.executing(promptID: "p", node: "2", displayNode: "2"))
        progress.apply(.executing(promptID: "p", node: "2.0.0.1", displayNode: "2"))
        #expect(progress.percent == 0)
        #expect(progress.currentNode == "2")
    }

    @Test("it stays below 100 and never falls, whatever a server says")
    func bounds() {
        var progress = ProgressTracker(nodeCount: 1)
        for value in [Double.nan, -5, 1e308, .infinity, 3] {
            let before = progress.percent
            progress.apply(.executing(promptID: "p", node: "a", displayNode: "a"))
            progress.apply(.progress(promptID: "p", node: "a", value: value, maximum: 2))
            #expect(progress.percent >= before && progress.percent <= 99)
        }
        progress.apply(.executed(promptID: "p", node: "b"))
        #expect(progress.percent == 99)
        var empty = ProgressTracker(nodeCount: 0)
        empty.apply(.executed(promptID: "p", node: "b"))
        #expect(empty.percent == 0)
    }
}
