/// Media types of input files by the ending of their names.
public enum MediaType {
    private static let types = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp",
        "webp": "image/webp", "avif": "image/avif", "tif": "image/tiff", "tiff": "image/tiff", "svg": "image/svg+xml",
        "mp4": "video/mp4", "webm": "video/webm", "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac",
        "ogg": "audio/ogg",
    ]

    /// The type of a file; `application/octet-stream` when the ending says nothing.
    public static func of(_ filename: String) -> String {
        guard let dot = filename.lastIndex(of: ".") else { return "application/octet-stream" }
        return types[filename[filename.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }

    /// The usual ending of a type's files, with its dot; empty when unknown.
    public static func ending(of type: String) -> String {
        let type = type.lowercased()
        return types.filter { $0.value == type }.keys.min { ($0.count, $0) < ($1.count, $1) }.map { "." + $0 } ?? ""
    }
}
