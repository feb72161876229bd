import ComfyUI
import PluginAPI

/// A file that the result of a prompt names.
struct OutputFile: Sendable {
    /// The node that made it.
    let nodeID: String
    /// The list it stands in, such as `images`, `gifs`, `videos` or `audio`.
    let kind: String
    /// Its name.
    let reference: FileReference

    /// The files of a history entry, in the order of its nodes.
    ///
    /// - Parameter entry: `{"prompt", "outputs", "status", "meta"}`.
    static func list(of entry: JSON) -> [OutputFile] {
        var files: [OutputFile] = []
        for (nodeID, output) in entry["outputs"]?.objectValue ?? [:] {
            for (kind, items) in output.objectValue ?? [:] {
                for item in items.arrayValue ?? [] {
                    guard let filename = item["filename"]?.stringValue else { continue }
                    let reference = FileReference(
                        filename: filename, subfolder: item["subfolder"]?.stringValue ?? "",
                        type: item["type"]?.stringValue ?? "output")
                    files.append(OutputFile(nodeID: nodeID, kind: kind, reference: reference))
                }
            }
        }
        return files
    }
}
