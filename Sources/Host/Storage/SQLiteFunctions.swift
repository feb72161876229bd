import CSQLite

/// SQLite's own functions where the C library is faster.
enum SQLiteFunctions {
    /// Replaces `INSTR` by one that means the same.
    ///
    /// SQLite compares at each character; `memmem` looks at many bytes at once, and a search through the texts of a large table
    /// takes a third less time. Without memory SQLite keeps its own.
    static func add(to handle: OpaquePointer) {
        let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS
        sqlite3_create_function(
            handle, "instr", 2, flags, nil,
            { context, _, values in
                guard let context, let values, let text = values[0], let part = values[1] else { return }
                SQLiteFunctions.instr(context, text, part)
            }, nil, nil)
    }

    /// The place of a part in a text, in characters from 1, or in bytes when both are blobs; 0 when it is not there.
    private static func instr(_ context: OpaquePointer, _ text: OpaquePointer, _ part: OpaquePointer) {
        let types = (sqlite3_value_type(text), sqlite3_value_type(part))
        // The answer to a NULL is NULL.
        guard types.0 != SQLITE_NULL, types.1 != SQLITE_NULL else { return }
        let areBlobs = types.0 == SQLITE_BLOB && types.1 == SQLITE_BLOB
        // The bytes are asked for before their count, which may change with the form.
        let start = bytes(text, areBlobs)
        let count = Int(sqlite3_value_bytes(text))
        let wanted = bytes(part, areBlobs)
        let length = Int(sqlite3_value_bytes(part))
        guard length > 0 else { return sqlite3_result_int(context, 1) }
        guard let start, let wanted, let found = comfyd_find_bytes(start, count, wanted, length) else {
            return sqlite3_result_int(context, 0)
        }
        let before = UnsafeRawBufferPointer(start: start, count: found - start)
        // A part that begins within a character can only be at the start of a text.
        if !areBlobs, !before.isEmpty, wanted.load(as: UInt8.self) & 0xC0 == 0x80 {
            return sqlite3_result_int(context, 0)
        }
        let characters = areBlobs ? before.count : before.count { $0 & 0xC0 != 0x80 }
        sqlite3_result_int64(context, Int64(characters) + 1)
    }

    private static func bytes(_ value: OpaquePointer, _ isBlob: Bool) -> UnsafeRawPointer? {
        isBlob ? sqlite3_value_blob(value) : sqlite3_value_text(value).map { UnsafeRawPointer($0) }
    }
}
