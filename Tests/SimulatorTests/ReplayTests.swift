import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Recordings of a real server")
struct ReplayTests {
    @Test("prompts are accepted and refused as recorded")
    func prompt() async throws {
        let fixture = try SimulatorFixture()
        for recording in try Recording.load("prompt") {
            let answer = await recording.replay(on: fixture)
            await fixture.runJobs()
            guard let expected = recording.json else { continue }
            let actual = try #require(answer)
            if recording.status == 400 {
                #expect(actual.withoutTraces == expected.withoutTraces, "\(recording.name)")
            } else {
                // Which outputs share a fault depends on the order of a set there.
                #expect(JSON.differences(expected.comparable, actual.comparable).isEmpty, "\(recording.name)")
            }
        }
    }

    @Test("the history is paged, changed and shown as recorded")
    func history() async throws {
        let fixture = try SimulatorFixture()
        for recording in try Recording.load("history") {
            let answer = await recording.replay(on: fixture)
            await fixture.runJobs()
            guard let expected = recording.json else { continue }
            let actual = try #require(answer)
            #expect(JSON.differences(expected.withoutTraces, actual.withoutTraces).isEmpty, "\(recording.name)")
        }
    }

    @Test("freeing memory drops the cache, so that a prompt writes a new file")
    func free() async throws {
        let fixture = try SimulatorFixture()
        var files: [String] = []
        for recording in try Recording.load("free") {
            let answer = await recording.replay(on: fixture)
            await fixture.runJobs()
            guard let expected = recording.json, let actual = answer else { continue }
            #expect(JSON.differences(expected.withoutTraces, actual.withoutTraces).isEmpty, "\(recording.name)")
            for (_, entry) in actual.objectValue ?? [:] {
                if let name = entry["outputs"]?["2"]?["images"]?[0]?["filename"]?.stringValue { files.append(name) }
            }
        }
        #expect(files.count == 3)
        #expect(files[0] == files[1])
        #expect(files[1] != files[2])
    }

    @Test("paths, methods and small answers are as recorded")
    func info() async throws {
        let fixture = try SimulatorFixture(["checkpoints": []])
        for recording in try Recording.load("info") {
            let answer = await recording.replay(on: fixture)
            guard let expected = recording.json, let actual = answer else { continue }
            if recording.path.contains("system_stats") {
                let ignoring = { (value: JSON) -> JSON in
                    var value = value
                    value["system"]?["argv"] = []
                    return value
                }
                #expect(JSON.differences(ignoring(expected), ignoring(actual)).isEmpty, "\(recording.name)")
            } else {
                #expect(actual == expected, "\(recording.name)")
            }
        }
    }

    @Test("node classes are described exactly as recorded")
    func nodes() async throws {
        let fixture = try SimulatorFixture([
            "checkpoints": [], "loras": ["lab.safetensors", "sub/deep.safetensors"],
            "unets": ["a.safetensors", "sub/b.safetensors"], "clips": ["t5.safetensors"],
        ])
        for recording in try Recording.load("nodes") {
            #expect(await recording.replay(on: fixture) == recording.json, "\(recording.name)")
        }
        let all = await fixture.get("/object_info")
        for (name, expected) in try #require(try Recording.value("object_info").objectValue) {
            #expect(all[name] == expected, "\(name)")
        }
    }

    @Test("files are uploaded and served as recorded")
    func files() async throws {
        let fixture = try SimulatorFixture()
        for recording in try Recording.load("files") {
            // Nothing is re-encoded here: the type of previews stays that of the file.
            if ["preview=", "channel=a"].contains(where: recording.path.contains), recording.status == 200 { continue }
            // The real server compares a mask with what it made of it.
            let headers = try await conditions(of: recording, fixture)
            let answer = await recording.replay(on: fixture, headers: headers)
            if let expected = recording.json { #expect(answer == expected, "\(recording.name)") }
        }
    }

    /// The recorded headers with the tags and dates of the files of this run.
    private func conditions(of recording: Recording, _ fixture: SimulatorFixture) async throws -> HTTPFields {
        var headers = recording.headers
        let current = await fixture.send(.get, "/view?filename=base.png&type=input")
        if recording.name.hasSuffix("47_if_none_match") { headers["If-None-Match"] = current.headers["Etag"] }
        if headers.contains("If-Modified-Since") { headers["If-Modified-Since"] = current.headers["Last-Modified"] }
        return headers
    }

    @Test("settings, users and user files are as recorded")
    func userdata() async throws {
        let fixture = try SimulatorFixture()
        for recording in try Recording.load("userdata") {
            let answer = await recording.replay(on: fixture)
            guard let expected = recording.json, let actual = answer else { continue }
            #expect(JSON.differences(expected, actual).isEmpty, "\(recording.name)")
        }
    }

    @Test("the queue is shown, changed and cleared as recorded")
    func queue() async throws {
        let fixture = try SimulatorFixture(["hang": true])
        let recordings = try Recording.load("queue")
        var worker: Task<Bool, Never>?
        defer { worker?.cancel() }
        for (place, recording) in recordings.enumerated() {
            if place == 1 {
                // The first job was posted; the others come when it runs.
                worker = Task { await fixture.worker.runNext() }
                await fixture.untilRunning()
            }
            let answer = await recording.replay(on: fixture)
            guard let expected = recording.json, let actual = answer else { continue }
            #expect(JSON.differences(expected, actual).isEmpty, "\(recording.name)")
        }
    }
}

extension JSON {
    /// The value with traces removed and the lists of outputs sorted and emptied.
    fileprivate var comparable: JSON {
        var value = withoutTraces
        for (id, _) in value["node_errors"]?.objectValue ?? [:] {
            value["node_errors"]?[id]?["dependent_outputs"] = []
        }
        if let errors = value["node_errors"]?.objectValue {
            value["node_errors"] = .object(JSONObject(errors.keys.sorted().map { ($0, errors[$0] ?? .null) }))
        }
        return value
    }
}
