import PluginAPI

/// What a list of LoRAs says of a server.
struct InstalledLoras: Sendable {
    /// The server, as the caller named it; `nil` when none was named.
    var executorID: String?
    /// Its address, if it has one.
    var baseURL: String?
    /// The files it has, sorted; `nil` when that is not known.
    var files: [String]?
    /// Those of them that the catalog does not have; `nil` when that is not known, or nobody wants it.
    var untracked: [String]?
    /// The code of the error that kept it from being known.
    var problem: String?

    private var keys: Set<NameKey> = []

    /// Knows nothing.
    init(executorID: String? = nil, baseURL: String? = nil, problem: String? = nil) {
        self.executorID = executorID
        self.baseURL = baseURL
        self.problem = problem
    }

    /// Takes the names as the server gave them.
    mutating func take(_ names: [String]) {
        files = names.filter { keys.insert(NameKey($0, "lora")).inserted }.sorted()
    }

    /// The names as they are compared.
    var names: Set<NameKey> { keys }

    /// A row of the catalog with the field that says whether the server has its file.
    func shown(_ entry: CatalogEntry) -> JSONObject {
        var body = entry.json
        body["installed"] =
            files == nil ? .null : .bool(keys.contains(NameKey(entry.values["file_name"]?.stringValue ?? "", "lora")))
        return body
    }

    /// The envelope without the rows.
    var json: JSONObject {
        [
            "executorId": .nullable(executorID), "baseUrl": .nullable(baseURL), "installedFiles": .texts(files),
            "untrackedFiles": .texts(untracked), "executorError": .nullable(problem),
        ]
    }
}

extension JSON {
    fileprivate static func texts(_ list: [String]?) -> JSON {
        list.map { .array($0.map { .string($0) }) } ?? .null
    }
}
