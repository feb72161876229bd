import PluginAPI
import PluginTestKit
import Testing

@testable import Simulator

@Suite("Files")
struct FileTests {
    @Test(
        "ranges are read as aiohttp reads them",
        arguments: [
            ("bytes=0-9", 0..<10), ("bytes=-5", 95..<100), ("bytes=10-", 10..<100), ("bytes=90-500", 90..<100),
            ("bytes=-500", 0..<100), ("bytes=99-99", 99..<100), ("bytes=0-9223372036854775807", 0..<100),
            ("bytes=100-", nil), ("bytes=9-3", nil), ("bytes=0-1,4-5", nil), ("junk", nil), ("bytes=-", nil),
            ("bytes=-0", nil), ("bytes=--1", nil), ("bytes=99999999999999999999-", nil),
        ] as [(String, Range<Int>?)])
    func ranges(text: String, expected: Range<Int>?) {
        #expect(FileAnswer.range(text, size: 100) == expected)
    }

    @Test("the big file streams any part of itself")
    func bigFile() async throws {
        let fixture = try SimulatorFixture(["big_file_bytes": 700_000])
        let whole = await fixture.send(.get, "/view?filename=big.bin")
        #expect(whole.body.count == 700_000)
        #expect(whole.body[300] == 300 % 251)
        let part = await fixture.send(.get, "/view?filename=big.bin", ["Range": "bytes=262000-600000"])
        #expect(part.status == 206)
        #expect(part.headers["Content-Range"] == "bytes 262000-600000/700000")
        #expect(part.body == Array(whole.body[262_000...600_000]))
    }

    @Test("dates of headers are written and read")
    func dates() {
        #expect(HTTPDate.text(1_795_200_465) == "Fri, 20 Nov 2026 18:47:45 GMT")
        #expect(HTTPDate.seconds("Fri, 20 Nov 2026 18:47:45 GMT") == 1_795_200_465)
        #expect(HTTPDate.text(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.seconds("yesterday") == nil)
    }

    @Test("paths that leave a folder are found out")
    func folders() {
        let folders = Folders(base: "/srv/comfy")
        #expect(folders.resolve(.input, "a/../b", "c.png") == "/srv/comfy/input/b/c.png")
        #expect(folders.resolve(.input, "../..", "c.png") == nil)
        #expect(folders.resolve(.input, "/etc") == nil)
        #expect(folders.resolve(.input, "../inputs") == nil)
        #expect(OutputFiles.split("lab/./x/../img") == ("lab", "img"))
        #expect(OutputFiles.split("../../escape") == ("../..", "escape"))
    }

    @Test("broken multipart bodies are refused, empty fields are not")
    func multipart() async throws {
        func read(_ form: String, _ type: String = "multipart/form-data; boundary=xx") async throws -> UploadForm {
            try await UploadForm(
                Request(
                    id: "1", method: .post, target: "/upload/image", headers: ["Content-Type": type],
                    body: HTTPBody(Array(form.utf8))))
        }
        let form =
            "--xx\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a \\\"b.png\"\r\n\r\nabc\r\n"
            + "--xx\r\nContent-Disposition: form-data; name=\"subfolder\"\r\n\r\n\r\n--xx--\r\n"
        let parsed = try await read(form)
        #expect(parsed["image"]?.filename == "a \"b.png")
        #expect(parsed.text("image") == "abc")
        #expect(parsed.text("subfolder") == "")
        #expect(try await read(form, "text/plain").text("image") == nil)
        for cut in stride(from: form.utf8.count - 5, to: 0, by: -1) {
            await #expect(throws: PythonError.self) {
                try await read(String(decoding: Array(form.utf8.prefix(cut)), as: UTF8.self))
            }
        }
        await #expect(throws: PythonError.self) { try await read("", "multipart/form-data") }
    }
}
