import PluginAPI

/// Graphs in API format that the simulated servers can run.
enum Workflow {
    /// One image of a colour of its own, saved under a prefix.
    static func image(_ prefix: String, color: Int = 0xFF8800, width: Int = 64) -> JSON {
        [
            "1": [
                "class_type": "EmptyImage",
                "inputs": [
                    "width": .number(JSONNumber(width)), "height": 64, "batch_size": 1,
                    "color": .number(JSONNumber(color)),
                ],
            ],
            "9": ["class_type": "SaveImage", "inputs": ["images": ["1", 0], "filename_prefix": .string(prefix)]],
        ]
    }

    /// The same, with a node between that takes its time and tells its progress.
    static func slow(_ prefix: String, seconds: Double, steps: Int = 10, color: Int = 0x0088FF) -> JSON {
        var graph = image(prefix, color: color)
        graph["5"] = [
            "class_type": "LabSleep",
            "inputs": [
                "image": ["1", 0], "seconds": .number(JSONNumber(seconds)), "steps": .number(JSONNumber(steps)),
                "preview": "none", "nonce": .number(JSONNumber(color)),
            ],
        ]
        graph["9"] = ["class_type": "SaveImage", "inputs": ["images": ["5", 0], "filename_prefix": .string(prefix)]]
        return graph
    }
}
