public import PluginAPI

/// Adds a `url` to every file that a history entry names (`spec/gateway.md` §6).
public enum OutputLinks {
    /// The entry with a `url` in each object of its `outputs` that has a text `filename`; the graph is left alone.
    ///
    /// - Parameters:
    ///   - entry: A history entry.
    ///   - promptID: The id by which the link finds the owner of the file.
    ///   - base: Scheme and host (and prefix) of the link, without trailing slash.
    public static func adding(to entry: JSON, promptID: String, base: String) -> JSON {
        guard let outputs = entry["outputs"] else { return entry }
        var entry = entry
        let head = "\(base)/api/view?prompt_id=\(PercentEncoding.encode(promptID))"
        entry["outputs"] = walk(outputs, head)
        return entry
    }

    private static func walk(_ value: JSON, _ head: String) -> JSON {
        switch value {
        case .array(let items):
            return .array(items.map { walk($0, head) })
        case .object(var object):
            for (key, member) in object where isContainer(member) { object[key] = walk(member, head) }
            if let filename = object["filename"]?.stringValue {
                let subfolder = object["subfolder"]?.stringValue ?? ""
                let type = object["type"]?.stringValue ?? "output"
                object["url"] = .string(
                    "\(head)&filename=\(PercentEncoding.encode(filename))"
                        + "&subfolder=\(PercentEncoding.encode(subfolder))&type=\(PercentEncoding.encode(type))")
            }
            return .object(object)
        default:
            return value
        }
    }

    private static func isContainer(_ value: JSON) -> Bool {
        switch value {
        case .array, .object: true
        default: false
        }
    }
}
