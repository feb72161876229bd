import ComfyUI
import PluginAPI

/// `GET`, `PUT` and `DELETE /api/workflow/{name}`: reads and changes the files of named workflows.
struct WorkflowFileController: Sendable {
    /// Where they are.
    let store: WorkflowStore
    /// The largest body in bytes.
    let bodyLimit: Int

    /// Declares the routes; changing is the administrator's.
    func declare(_ routes: inout RouteGroup) {
        routes.get("/api/workflow/{name}", WorkflowName.self, docs: Self.readDocs, use: read)
        routes[access: .admin].put("/api/workflow/{name}", WorkflowName.self, docs: Self.writeDocs, use: write)
        routes[access: .admin].delete("/api/workflow/{name}", WorkflowName.self, docs: Self.removeDocs, use: remove)
    }

    private func read(_ request: Request, _ name: WorkflowName) async throws -> Response {
        let bytes = try await store.bytes(of: name)
        let tag = "\"\(Fingerprint.of(bytes))\""
        let headers: HTTPFields = ["ETag": tag, "Cache-Control": "no-cache"]
        if Self.names(request.headers.values(for: "if-none-match"), tag) {
            return Response(status: .notModified, headers: headers)
        }
        var answer = Response(headers: headers, body: .bytes(bytes))
        answer.headers["Content-Type"] = "application/json; charset=utf-8"
        return answer
    }

    /// Whether `If-None-Match` names a tag (RFC 9110 §13.1.2, weak comparison).
    private static func names(_ fields: [String], _ tag: String) -> Bool {
        fields.flatMap { $0.split(separator: ",") }.contains { item in
            let item = item.filter { $0 != " " && $0 != "\t" }
            return item == "*" || item == tag || item == "W/\(tag)"
        }
    }

    private func write(_ request: Request, _ name: WorkflowName) async throws -> JSON {
        let bytes = try await request.jsonBytes(limit: min(bodyLimit, WorkflowFolder.fileLimit))
        let isNew = try await store.write(bytes, to: name)
        request.logger.notice("workflow written", ["workflow": name.text, "created": String(isNew)])
        return ["status": "success", "name": .string(name.text), "created": .bool(isNew)]
    }

    private func remove(_ request: Request, _ name: WorkflowName) async throws -> JSON {
        try await store.remove(name)
        request.logger.notice("workflow deleted", ["workflow": name.text])
        return ["status": "success", "name": .string(name.text)]
    }
}

extension WorkflowFileController {
    private static let unknown = (status: 404, reason: "There is no workflow of that name.")

    private static let readDocs = OperationDocs(
        "The file of a workflow, as it is stored.",
        description: "Also one that cannot run. `ETag` tells versions apart, `If-None-Match` is answered with 304.",
        returns: ["description": "what the file has: mostly an object of nodes"],
        answers: [AnswerDoc(304, "The caller has this version.", headers: [HeaderDoc("ETag", "The version.")])],
        errors: [unknown, OperationDocs.folderFails])

    private static let writeDocs = OperationDocs(
        "Puts the file of a workflow in place.",
        description: """
            The body is a workflow in API format, or in the wrapper `{"prompt": …}`; it is stored as it came. On disk there \
            is the old file or the new one at any moment, and the answer comes when the new one is durable.
            """,
        body: [
            "type": "object", "minProperties": 1,
            "example": ["6": ["class_type": "CLIPTextEncode", "inputs": ["text": "a bear", "clip": ["4", 1]]]],
        ],
        returns: [
            "type": "object", "required": ["status", "name", "created"],
            "properties": [
                "status": ["const": "success"], "name": ["type": "string"], "created": ["type": "boolean"],
            ],
            "example": ["status": "success", "name": "sd_txt2img", "created": true],
        ],
        errors: [
            (400, "The body is no workflow in API format; `line` and `column` tell where it is not JSON."),
            (
                404,
                "The name cannot be one: letters, digits, `_`, `-`, `.` and space, no leading dot, at most 200 bytes."
            ),
            (415, "The body is compressed, or a form."), OperationDocs.folderFails, (507, "The disk is full."),
        ])

    private static let removeDocs = OperationDocs(
        "Deletes a workflow.",
        returns: [
            "type": "object", "required": ["status", "name"],
            "properties": ["status": ["const": "success"], "name": ["type": "string"]],
            "example": ["status": "success", "name": "sd_txt2img"],
        ],
        errors: [unknown, OperationDocs.folderFails])
}
