import PluginAPI

extension NamedController {
    static let listDocs = OperationDocs(
        "The names of the workflows.",
        description: """
            One for each file `NAME.json` in the folder of the workflows, sorted; read at each request. `templates` has the \
            same names for clients of other services.
            """,
        returns: [
            "type": "object", "required": ["workflows", "templates", "total"],
            "properties": [
                "workflows": ["type": "array", "items": ["type": "string"]],
                "templates": ["type": "array", "items": ["type": "string"]],
                "total": ["type": "integer"],
                "truncated": ["type": "boolean", "description": "there are more than are listed"],
            ],
            "example": [
                "workflows": ["flux_test", "sd_txt2img"], "templates": ["flux_test", "sd_txt2img"], "total": 2,
            ],
        ], errors: [OperationDocs.folderFails])

    static let runDocs = OperationDocs(
        "Runs a named workflow.",
        description: """
            Simple form: `prompt` is written into the text node `target_node` (`CLIPTextEncode` or `Text Multiline`), or into \
            the first text node of the file. Advanced form: node ids with the inputs to change; `{}` runs the workflow as it \
            is. Ids that the workflow does not have are told in `ignored_nodes`.
            """,
        body: [
            "type": "object",
            "anyOf": [
                [
                    "required": ["prompt"],
                    "properties": [
                        "prompt": ["type": "string"], "target_node": ["type": ["string", "integer", "null"]],
                    ],
                ],
                [
                    "not": ["required": ["prompt"]],
                    "additionalProperties": [
                        "type": "object", "properties": ["inputs": ["type": "object"]],
                    ],
                ],
            ],
            "examples": [
                ["prompt": "a beautiful mountain landscape", "target_node": "6"],
                ["6": ["inputs": ["text": "a beautiful mountain landscape"]]],
            ],
        ],
        returns: answer,
        errors: [
            (
                400,
                "The body has the wrong form, the workflow has no such text node, it was saved in another format, or the server refused it (`node_errors`)."
            ),
            (404, "There is no workflow of that name."),
        ] + OperationDocs.submitFails + [OperationDocs.folderFails])

    static let rawDocs = OperationDocs(
        "Runs a workflow that the body has.",
        description: "The body is a workflow in API format, or `{\"prompt\": …}` with ComfyUI's other keys.",
        body: [
            "type": "object", "minProperties": 1,
            "example": [
                "1": ["class_type": "EmptyImage", "inputs": ["width": 64, "height": 64, "batch_size": 1, "color": 0]],
                "2": ["class_type": "SaveImage", "inputs": ["images": ["1", 0], "filename_prefix": "raw"]],
            ],
        ],
        returns: answer,
        errors: [
            (400, "The body is no workflow in API format, or the server refused it (`node_errors`).")
        ] + OperationDocs.submitFails)

    private static let answer: JSON = [
        "type": "object", "required": ["status", "prompt_id", "node_errors", "error", "client_id"],
        "properties": [
            "status": ["const": "success"], "prompt_id": ["type": "string"], "node_errors": ["type": "object"],
            "error": ["type": "null"], "client_id": ["type": "string"],
            "ignored_nodes": ["type": "array", "items": ["type": "string"]],
        ],
        "example": [
            "status": "success", "prompt_id": "c74f73fc-fb01-4b3c-81a5-cab506c43e27", "node_errors": [:],
            "error": .null, "client_id": "my-api-1732866007",
        ],
    ]
}

extension OperationDocs {
    /// Of routes that submit.
    static let submitFails: [(status: Int, reason: String)] = [
        (415, "The body is compressed."), (502, "The ComfyUI server cannot be reached, or answered nonsense."),
        (503, "No server can be used, or too many prompts wait."),
    ]
    /// Of routes that use the folder of the workflows.
    static let folderFails = (status: 500, reason: "The file or the folder of the workflows cannot be used.")
}
