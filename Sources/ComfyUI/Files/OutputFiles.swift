public import PluginAPI

/// The files that the outputs of a history entry name.
public enum OutputFiles {
    /// Whether a file is among them; the re-encoding that is asked for does not matter.
    public static func contain(_ file: FileReference, _ outputs: JSON) -> Bool {
        switch outputs {
        case .array(let items):
            return items.contains { contain(file, $0) }
        case .object(let members):
            if let filename = members["filename"]?.stringValue, filename == file.filename,
                members["subfolder"]?.stringValue ?? "" == file.subfolder,
                members["type"]?.stringValue ?? "output" == file.type
            {
                return true
            }
            return members.contains { contain(file, $0.value) }
        default:
            return false
        }
    }
}
