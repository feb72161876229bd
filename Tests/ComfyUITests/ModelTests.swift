import ComfyUI
import PluginAPI
import Testing

@Suite("Queue, history and prompts")
struct ModelTests {
    @Test("waiting prompts are sorted by number, ties by id")
    func queueOrder() throws {
        let body = try JSON(
            parsing:
                #"{"queue_running":[],"queue_pending":[[5,"h"],[-79,"g"],[5,"d"],[1e5,"k"],"x",[1],null,[-1000,"e"]]}"#)
        #expect(QueueSnapshot(body).pending.map(\.promptID) == ["e", "g", "d", "h", "k"])
    }

    @Test("an outline has the ids of a snapshot, or falls back to one")
    func outline() throws {
        let text =
            #"{"x":{"a":["]",1]},"queue_running":[[1,"a\u00e4\"",{"}":"]\\"},[]]],"queue_pending":[[2,"c"],[2.0,"b",{}]]}"#
        let outline = try #require(QueueOutline(scanning: Array(text.utf8)))
        #expect(outline.running == ["aä\""])
        #expect(outline.pending == ["b", "c"])
        let snapshot = QueueOutline(QueueSnapshot(try JSON(parsing: text)))
        #expect(snapshot.running == outline.running && snapshot.pending == outline.pending)
        #expect(QueueOutline(scanning: Array(#"{"queue_running": [ ] , "queue_pending":[]}"#.utf8))?.pending == [])
        for end in 0..<text.utf8.count {
            #expect(QueueOutline(scanning: Array(text.utf8.prefix(end))) == nil)
        }
        for other in [#"{"queue_running":[],"queue_pending":[[1,2]]}"#, "[]", #"{"queue_running":[]}"#, #"{"a" "b"}"#] {
            #expect(QueueOutline(scanning: Array(other.utf8)) == nil)
        }
    }

    @Test("history tells success, error and interruption apart")
    func outcomes() throws {
        func outcome(_ text: String) throws -> HistoryEntry.Outcome { HistoryEntry(try JSON(parsing: text)).outcome }
        #expect(try outcome(#"{"status":{"status_str":"success","messages":[["execution_error",{}]]}}"#) == .success)
        #expect(try outcome("{}") == .success)
        #expect(
            try outcome(#"{"status":{"status_str":"error","messages":[["execution_interrupted",{}]]}}"#) == .interrupted
        )
        let error =
            #"{"status":{"status_str":"error","messages":[1,["execution_error",{"exception_message":"boom\n"}]]}}"#
        #expect(try outcome(error) == .failure("boom"))
    }

    @Test("an entry keeps its text, but for the client id and the keys to paid services")
    func entryText() throws {
        let text = """
            {"prompt": [1.0, "p", {"1": {"client_id": 1E5}}, {"a": 8.0, "client_id": "ours", "api_key_comfy_org": "k"}, []], \
            "outputs": {}, "status": {"status_str": "error"}}
            """
        let json = try JSON(parsing: text)
        var entry = HistoryEntry(json)
        #expect(entry.outcome == .failure("the server reported an error"))
        #expect(try JSON(parsing: entry.text) == json)
        let shown = try JSON(parsing: entry.text(promptID: "p", clientID: "theirs"))
        #expect(shown["prompt"]?[2] == json["prompt"]?[2])
        #expect(shown["prompt"]?[3] == ["a": 8.0, "client_id": "theirs"])
        #expect(shown["outputs"] == [:])
        #expect(try JSON(parsing: entry.text(promptID: "p", clientID: nil))["prompt"]?[3] == ["a": 8.0])
        for other: JSON in [[:], ["prompt": []], ["prompt": [1, 2, 3, nil]], ["prompt": "x"]] {
            entry = HistoryEntry(other)
            #expect(try JSON(parsing: entry.text(promptID: "p", clientID: "c")) == other)
        }
    }

    @Test("links are added to files in outputs only, whatever the list is called")
    func links() throws {
        let entry = try JSON(
            parsing: """
                {"prompt":[1,"p",{"1":{"filename":"in.png"}}],"outputs":{"9":{"gifs":[{"filename":"ä&.mp4","type":"temp"}],\
                "text":["x"],"animated":[true]}}}
                """)
        let linked = OutputLinks.adding(to: entry, promptID: "a/b", base: "https://h/p")
        #expect(linked["prompt"] == entry["prompt"])
        #expect(
            linked["outputs"]?["9"]?["gifs"]?[0]?["url"]
                == "https://h/p/api/view?prompt_id=a%2Fb&filename=%C3%A4%26.mp4&subfolder=&type=temp")
        #expect(linked["outputs"]?["9"]?["text"] == ["x"])
    }

    @Test(
        "graphs that a server would not survive are refused in its form",
        arguments: [
            "[]", "null", #"{"1":null}"#, #"{"1":{"inputs":{}}}"#, #"{"1":{"class_type":5,"inputs":{}}}"#,
            #"{"1":{"class_type":"A"}}"#, #"{"1":{"class_type":"A","inputs":null}}"#,
        ])
    func badGraph(text: String) throws {
        let graph = try JSON(parsing: text)
        let refusal = #expect(throws: PromptRefusal.self) { try PromptStructure.check(graph: graph) }
        #expect(refusal?.status == .badRequest)
        #expect(refusal?.error["type"] == "invalid_prompt")
    }

    @Test(
        "extra keys that a server would not survive are refused",
        arguments: [
            #"{"extra_data":null}"#, #"{"extra_data":3}"#, #"{"number":1e999}"#, #"{"number":null}"#,
            #"{"number":"abc"}"#, #"{"extra_data":{"client_id":[]}}"#, #"{"partial_execution_targets":"9"}"#,
        ])
    func badExtra(text: String) throws {
        let extra = try #require(try JSON(parsing: text).objectValue)
        #expect(throws: PromptRefusal.self) { try PromptStructure.check(extra: extra) }
    }

    @Test("ordinary extra keys pass")
    func goodExtra() throws {
        try PromptStructure.check(
            extra: [
                "number": "4", "front": true, "extra_data": ["a": 1], "partial_execution_targets": nil, "other": nil,
            ])
    }

    @Test("ids are lower-case UUIDs of version 4, all different")
    func ids() {
        let ids = (0..<100).map { _ in PromptID.random() }
        #expect(Set(ids).count == 100)
        for id in ids {
            #expect(id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
    }
}
