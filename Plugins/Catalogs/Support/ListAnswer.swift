import PluginAPI

/// A list as an answer, whose rows are read in batches.
///
/// They become text at once, so that a list of any length takes the memory of one batch. Which rows it has is settled when it
/// begins; one that is deleted meanwhile is left out.
enum ListAnswer {
    /// Makes the answer.
    ///
    /// - Parameters:
    ///   - head: The JSON text before the rows.
    ///   - first: The text of the first rows, with commas between them.
    ///   - rest: The numbers of the rows that follow.
    ///   - batch: How many of them are asked for at a time.
    ///   - tail: The JSON text after the rows.
    ///   - more: Gives the text of the rows with some numbers, with commas between them.
    static func response(
        head: String = #"{"items":["#, first: [UInt8], rest: [Int64], batch: Int, tail: String = "]}",
        more: @escaping @Sendable ([Int64]) async throws -> [UInt8]
    ) -> Response {
        let start = Array(head.utf8) + first
        let headers: HTTPFields = ["Content-Type": "application/json; charset=utf-8"]
        guard !rest.isEmpty else { return Response(headers: headers, body: .bytes(start + Array(tail.utf8))) }
        return Response(
            headers: headers,
            body: .stream(length: nil) { writer in
                try await writer.write(start)
                for place in stride(from: 0, to: rest.count, by: batch) {
                    let rows = try await more(Array(rest.dropFirst(place).prefix(batch)))
                    if !rows.isEmpty { try await writer.write([UInt8(ascii: ",")] + rows) }
                }
                try await writer.write(Array(tail.utf8))
            })
    }

    /// The text of rows with commas between them.
    static func text(_ rows: some Sequence<JSONObject>) -> [UInt8] {
        var text: [UInt8] = []
        for row in rows {
            if !text.isEmpty { text.append(UInt8(ascii: ",")) }
            text += JSON.object(row).serialized()
        }
        return text
    }
}

extension SQL {
    /// The numbers of rows for `IN (…)`, always so many, because each length would be a statement to prepare.
    static func numbers(_ ids: [Int64], padded count: Int) -> SQL {
        list(ids + repeatElement(ids.last ?? 0, count: max(0, count - ids.count)))
    }
}
