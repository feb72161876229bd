import PluginAPI
import Testing

/// `/docs` and `/redoc` as a browser shows them.
@Suite("the API's pages")
struct ApiDocsTests {
    /// Waits until a text is on the page, and gives all of it.
    private static func script(waitingFor text: String) -> String {
        """
        const end = Date.now() + 20000;
        while (!document.body.innerText.includes("\(text)") && Date.now() < end)
          await new Promise(next => setTimeout(next, 50));
        return document.body.innerText;
        """
    }

    @Test("show the operations, complain of nothing and ask no other host", arguments: ["/docs", "/docs/", "/redoc"])
    func pages(path: String) async throws {
        try await withDaemon("plugins: {gateway: {}}") { daemon in
            let origin = "http://127.0.0.1:\(daemon.port)"
            let visit = try await Browser.visit(
                origin + path, script: Self.script(waitingFor: "/api/task/{id}/explain"))
            let text = visit.value.stringValue ?? ""
            #expect(text.contains("/api/prompt") && text.contains("/api/task/{id}/explain"), "\(visit)")
            #expect(visit.console == [], "nothing is refused by the page's own policy")
            #expect(visit.requests.contains(origin + "/openapi.json"), "\(visit.requests)")
            #expect(visit.requests.allSatisfy { $0.hasPrefix(origin + "/") }, "\(visit.requests)")
        }
    }

    @Test("ask for a token where the daemon wants one", arguments: ["/docs", "/redoc"])
    func closed(path: String) async throws {
        try await withDaemon("auth: {open_surfaces: never}\nplugins: {gateway: {}}") { daemon in
            let script = """
                const field = async () => {
                  while (!document.querySelector("input[type=password]")) await new Promise(next => setTimeout(next, 50));
                  return document.querySelector("input[type=password]");
                };
                (await field()).value = "wrong";
                document.querySelector("form button").click();
                while (!document.body.innerText.includes("may not")) await new Promise(next => setTimeout(next, 50));
                (await field()).value = "\(try daemon.adminToken)";
                document.querySelector("form button").click();
                \(Self.script(waitingFor: "/api/task/{id}/explain"))
                """
            let text = try await Browser.run(script: script, on: "http://127.0.0.1:\(daemon.port)\(path)")
            #expect(text.stringValue?.contains("/api/task/{id}/explain") ?? false)
        }
    }

    @Test("Authorize of Swagger UI sends the token with what is tried out")
    func authorize() async throws {
        try await withDaemon("plugins: {gateway: {}}") { daemon in
            let origin = "http://127.0.0.1:\(daemon.port)"
            let script = """
                const until = async find => {
                  for (let left = 400; left > 0; left--) {
                    const found = find();
                    if (found) return found;
                    await new Promise(next => setTimeout(next, 50));
                  }
                  throw new Error("not there: " + find);
                };
                const button = (root, text) =>
                  [...root.querySelectorAll("button")].find(each => each.innerText.trim() === text);
                (await until(() => document.querySelector(".btn.authorize"))).click();
                const field = await until(() => document.querySelector(".auth-container input"));
                Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, "\(try daemon.adminToken)");
                field.dispatchEvent(new Event("input", {bubbles: true}));
                document.querySelector(".auth-container button.authorize").click();
                (await until(() => document.querySelector(".btn-done"))).click();
                const operation = await until(() => document.querySelector("[id$=get_api_admin_plugins]"));
                operation.querySelector(".opblock-summary-control").click();
                (await until(() => button(operation, "Try it out"))).click();
                (await until(() => button(operation, "Execute"))).click();
                const status = await until(() => operation.querySelector("tr.response .response-col_status"));
                return status.innerText.trim();
                """
            #expect(try await Browser.run(script: script, on: origin + "/docs") == "200")
        }
    }

    @Test("a script may wait, its errors are told")
    func scripts() async throws {
        try await withDaemon("") { daemon in
            let page = "http://127.0.0.1:\(daemon.port)/health/live"
            let answer = try await Browser.run(
                script: "const answer = await fetch('/health/live'); return [answer.status, await answer.json()];",
                on: page)
            #expect(answer == [200, ["status": "ok"]])
            await #expect(throws: BrowserFailure.self) {
                try await Browser.run(script: "throw new Error('no')", on: page)
            }
        }
    }
}
