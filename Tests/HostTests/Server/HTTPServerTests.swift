import Glibc
import Host
import PluginAPI
import Testing

@Suite("HTTP server: requests and answers")
struct HTTPServerTests {
    @Test("a GET and a POST are answered on one connection")
    func getAndPost() async throws {
        try await withServer { request in
            let body = (try? await request.body.collect(upTo: 1 << 20)) ?? []
            return text("\(request.method) \(request.target) \(String(decoding: body, as: UTF8.self))")
        } _: { _, port in
            let client = try RawClient(port: port)
            let first = try await client.get("/a%2Fb?q=%20x")
            #expect(first.status == 200)
            #expect(first.text == "GET /a%2Fb?q=%20x ")
            #expect(first["content-length"] == "18")
            #expect(first["date"] != nil)
            #expect(first["x-request-id"]?.count == 16)
            try await client.send("POST /p HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try await client.readAnswer().text == "POST /p hello")
        }
    }
}
