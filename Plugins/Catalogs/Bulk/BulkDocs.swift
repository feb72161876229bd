import PluginAPI

/// What `/openapi.json` says of import and export.
enum BulkDocs {
    /// The export.
    static func export(_ kind: CatalogKind) -> OperationDocs {
        let filters = CatalogQuery.docs(kind).filter { !["limit", "offset"].contains($0.name) }
        return OperationDocs(
            "The catalog as a file, in the order in which rows were added.",
            query: [
                QueryDoc("format", "`jsonl` without it.", schema: choice(ExportFormat.self))
            ] + filters,
            answers: ExportFormat.allCases.map { format in
                AnswerDoc(
                    200, "The rows.",
                    schema: ["type": "string", "contentMediaType": .string(format.mediaType)],
                    headers: [HeaderDoc("Content-Disposition", "A file name.")])
            },
            errors: [(422, "Bad query.")])
    }

    /// The import.
    static func takeIn(_ kind: CatalogKind) -> OperationDocs {
        OperationDocs(
            "Adds or changes the rows of a file.",
            description: """
                Rows are stored in transactions of at most \(CatalogImport.rowsPerBatch). A row that is wrong is skipped and told in `problems` with \
                its line. A body that breaks off leaves what was stored before; the audit table has it under `request_id`.
                """,
            query: [
                QueryDoc("format", "Without it, what the `Content-Type` says.", schema: choice(BulkFormat.self)),
                QueryDoc(
                    "existing",
                    "What happens to a row that is there: `update` takes the file's fields, `fill` only those that are empty, `keep` none.",
                    schema: choice(CatalogWriter.Existing.self)),
                QueryDoc("dry_run", "Tells what would happen and stores nothing.", schema: ["type": "boolean"]),
            ],
            body: ["type": "string", "format": "binary", "contentMediaType": "application/octet-stream"],
            returns: report,
            errors: [
                (413, "The body is too large."), (415, "The body is a form or compressed."),
                (422, "Bad query, or a body that cannot be read."),
            ])
    }

    private static let report: JSON = {
        var properties: JSONObject = [
            "catalog": ["type": "string"], "format": choice(BulkFormat.self),
            "existing": choice(CatalogWriter.Existing.self), "dry_run": ["type": "boolean"],
            "request_id": ["type": "string"],
            "problems": [
                "type": "array", "maxItems": .number(JSONNumber(ImportReport.mostProblems)),
                "items": [
                    "type": "object", "required": ["line", "key", "reason"],
                    "properties": [
                        "line": ["type": "integer"], "key": ["type": "string"], "reason": ["type": "string"],
                    ],
                ],
            ],
        ]
        for name in ["rows", "new", "changed", "unchanged", "skipped", "problems_omitted"] {
            properties[name] = ["type": "integer", "minimum": 0]
        }
        return [
            "type": "object", "required": .array(properties.keys.map { .string($0) }),
            "properties": .object(properties),
        ]
    }()

    private static func choice<Word: RawRepresentable<String> & CaseIterable>(_: Word.Type) -> JSON {
        ["type": "string", "enum": .array(Word.allCases.map { .string($0.rawValue) })]
    }
}
