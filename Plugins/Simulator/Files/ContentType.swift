/// Media types by file name extension, as Python's `mimetypes` has them.
enum ContentType {
    private static let table: [String: String] = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp",
        "webp": "image/webp", "svg": "image/svg+xml", "tif": "image/tiff", "tiff": "image/tiff",
        "ico": "image/vnd.microsoft.icon", "txt": "text/plain", "csv": "text/csv", "html": "text/html",
        "htm": "text/html", "xhtml": "application/xhtml+xml", "css": "text/css",
        "js": "application/javascript; charset=utf-8", "mjs": "application/javascript; charset=utf-8",
        "json": "application/json", "mp4": "video/mp4", "webm": "video/webm", "mp3": "audio/mpeg",
        "wav": "audio/x-wav", "flac": "audio/x-flac", "ogg": "audio/ogg", "zip": "application/zip",
    ]

    /// The type of a name; `application/octet-stream` when nothing is known.
    static func guess(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "application/octet-stream" }
        return table[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }

    /// The type `/view` answers with: what a browser would run as a page is made harmless.
    static func served(_ name: String) -> String {
        let type = guess(name)
        return ["text/html", "application/xhtml+xml", "text/css"].contains(type) ? "application/octet-stream" : type
    }

    /// Whether bytes begin like an image that ComfyUI can open.
    static func isImage(_ bytes: [UInt8]) -> Bool {
        if bytes.starts(with: PNG.signature) || bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return true }
        if bytes.starts(with: Array("GIF8".utf8)) || bytes.starts(with: Array("BM".utf8)) { return true }
        return bytes.count > 12 && bytes.starts(with: Array("RIFF".utf8)) && bytes[8..<12].elementsEqual("WEBP".utf8)
    }
}
