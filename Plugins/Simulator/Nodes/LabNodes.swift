internal import PluginAPI

extension NodeCatalog {
    private static func lab(
        _ name: String, _ work: NodeWork, isOutput: Bool = false, outputs: [NodeOutput] = [NodeOutput("IMAGE")],
        _ inputs: [NodeInput]
    ) -> NodeType {
        NodeType(
            name, category: "lab", work: work, module: "custom_nodes.lab_nodes", isOutput: isOutput, outputs: outputs,
            inputs: [.link("image", "IMAGE")] + inputs)
    }

    private static let nonce = NodeInput.int("nonce", default: 0, 0, 9_007_199_254_740_992)

    /// Nodes that show one behaviour each: progress, failure, blocking, text, subgraphs, concurrency.
    static let labNodes: [NodeType] = [
        lab(
            "LabSleep", .sleep,
            [
                .float("seconds", default: 1.0, 0.0, 3600.0), .int("steps", default: 4, 0, 10000),
                NodeInput("preview", .choice(["none", "JPEG", "PNG"])), nonce,
            ]),
        lab("LabRaise", .raise, [.string("message", ["default": "lab failure"]), nonce]),
        lab(
            "LabBlock", .block,
            [
                .string("message", ["default": "blocked"]),
                NodeInput("silent", .named("BOOLEAN"), ["default": false]),
            ]),
        lab(
            "LabText", .text, isOutput: true, outputs: [],
            [.string("text", ["default": "hello"]), .hidden("uid", "UNIQUE_ID")]),
        lab("LabExpand", .expand, [nonce]),
        lab("LabAsync", .asynchronous, [.float("seconds", default: 1.0), nonce]),
        lab("LabAlways", .pass("image"), []),
        lab("LabValidate", .pass("image"), [.string("word", ["default": "ok"])]),
    ]
}
