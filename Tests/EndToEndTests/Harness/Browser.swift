import PluginAPI
import Testing

/// Headless Chromium, driven by `Scripts/browser.py`; `./test.sh` installs both.
enum Browser {
    /// What a page did.
    struct Visit: Sendable {
        /// What the script returned.
        let value: JSON
        /// What the page reported on its console, errors of the network and of its policy included.
        let console: [Message]
        /// The address of each request the page sent or tried to send, WebSockets included, in order.
        let requests: [String]
    }

    /// A line of the console.
    struct Message: Sendable, Equatable {
        /// Such as `SEVERE`, `WARNING` or `INFO`.
        let level: String
        let text: String
    }

    /// Opens a page, runs a script in it and gives what the script returned.
    ///
    ///     let title = try await Browser.run(script: "return document.title", on: "http://127.0.0.1:\(port)/docs")
    ///
    /// The script is the body of an asynchronous function: it may `await`, and returns a value that JSON can say (`null`
    /// when it returns nothing). It runs in the page's own world after the `load` event, under the page's policy.
    ///
    /// - Parameter seconds: How long the page, and then the script, may take.
    /// - Throws: ``BrowserFailure`` when the script throws or takes longer.
    static func run(script: String, on address: String, within seconds: Double = 30) async throws -> JSON {
        try await visit(address, script: script, within: seconds).value
    }

    /// The same, with what the page did meanwhile.
    ///
    /// - Throws: as ``run(script:on:within:)``.
    static func visit(_ address: String, script: String, within seconds: Double = 30) async throws -> Visit {
        let folder = try TemporaryDirectory()
        let result = try await EndToEndTests.run(
            TestTools.python,
            [
                Places.repository + "/Tests/EndToEndTests/Scripts/browser.py", address,
                try folder.write("script.js", script), "\(seconds * Places.patience)",
            ], directory: folder.path, within: seconds * 2 + 30)
        guard result.status == .code(0), let answer = try? JSON(parsing: result.output) else {
            throw BrowserFailure(description: "\(result)\n\(TestTools.advice)")
        }
        if let error = answer["error"]?.stringValue { throw BrowserFailure(description: "\(error)\n\(answer.text())") }
        let console = answer["console"]?.arrayValue ?? []
        return Visit(
            value: answer["value"] ?? .null,
            console: console.map {
                Message(level: $0["level"]?.stringValue ?? "", text: $0["message"]?.stringValue ?? "")
            }, requests: answer["requests"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }
}

/// A script that threw, or a browser that did not start.
struct BrowserFailure: Error, CustomStringConvertible {
    let description: String
}

/// The Python tools that `packaging/test-tools.sh` installs.
enum TestTools {
    private static let folder = Places.repository + "/.build/test-tools/bin"

    static let python = folder + "/python"
    static let schemathesis = folder + "/schemathesis"
    static let advice = "./test.sh installs Chromium and the tools in .build/test-tools"
}
