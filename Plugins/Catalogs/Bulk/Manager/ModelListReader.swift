import PluginAPI

/// Makes rows of `model-list.json`: of all entries for the catalog of models, of its LoRAs for the catalog of LoRAs.
struct ModelListReader: ImportReader {
    private let document: ManagerDocument
    private let kind: CatalogKind
    private var next = 0
    private var others = 0

    /// Starts at the first entry.
    init(_ document: ManagerDocument, _ kind: CatalogKind) {
        self.document = document
        self.kind = kind
    }

    mutating func end() -> [ImportRow]? {
        var rows: [ImportRow] = []
        while rows.count < CatalogImport.rowsPerBatch, let (_, value) = document.entry(next) {
            next += 1
            if let row = row(next, value) { rows.append(row) }
        }
        if rows.isEmpty, others > 0 {
            rows.append(ImportRow(line: 0, key: "", remark: "\(others) entries are no LoRAs."))
            others = 0
        }
        return rows.isEmpty ? nil : rows
    }

    private mutating func row(_ line: Int, _ value: JSON) -> ImportRow? {
        let isForLoRAs = kind.name == CatalogKind.loras.name
        guard let entry = value.objectValue else {
            return ImportRow(line: line, problem: "The entry is no JSON object.")
        }
        let file = entry["filename"]?.stringValue ?? ""
        let place: ModelPlace
        do {
            place = try ModelPlace(
                type: entry["type"]?.stringValue ?? "", savePath: entry["save_path"]?.stringValue ?? "default",
                file: file)
        } catch {
            return ImportRow(line: line, key: file, problem: error.description)
        }
        if isForLoRAs, place.folder != ModelPlace.loras {
            others += 1
            return nil
        }
        let base = entry["base"].flatMap { $0.isNull ? nil : JSON.array([$0]) } ?? .null
        var fields: JSONObject = [
            "file_name": .string(place.fileName),
            "display_name": ManagerText.short(entry["name"], of: kind["display_name"]),
            "description": ManagerText.short(entry["description"], of: kind["description"]),
        ]
        if isForLoRAs {
            fields["base_models"] = base
        } else {
            fields["model_type"] = .string(place.modelType)
            fields["source_url"] = entry["reference"] ?? .null
            fields["download_url"] = entry["url"] ?? .null
            fields["tags"] = base
        }
        return ImportRow(kind, line: line, values: fields)
    }
}

/// Texts of lists that others keep.
enum ManagerText {
    /// A text cut to what a field may have: a long title is no reason to lose a row.
    static func short(_ value: JSON?, of column: CatalogColumn?) -> JSON {
        guard let text = value?.stringValue, case .text(let longest) = column?.kind else { return value ?? .null }
        return .string(text.firstCodePoints(longest))
    }
}
