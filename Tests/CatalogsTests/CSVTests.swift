import PluginAPI
import PluginTestKit
import Testing

@testable import Catalogs

/// CSV, as RFC 4180 and spreadsheets have it.
@Suite struct CSVTests {
    /// Splits a text that comes in pieces of some length; a problem is shown as `!`.
    private static func split(_ text: [UInt8], every length: Int = .max) -> [String] {
        var splitter = CSVSplitter()
        var records: [CSVRecord] = []
        var rest = text[...]
        while !rest.isEmpty {
            let part = rest.prefix(length)
            records += splitter.read(part)
            rest = rest.dropFirst(part.count)
        }
        records += splitter.end()
        return records.map { record in
            let cells = record.cells.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "|")
            return "\(record.line):\(record.problem == nil ? cells : "!")"
        }
    }

    @Test(
        "records",
        arguments: [
            ("a,b\nc,d\n", ["1:a|b", "2:c|d"]), ("a,b\r\nc,d", ["1:a|b", "2:c|d"]), ("a\rb\r", ["1:a", "2:b"]),
            ("\n\r\n\na\n\n", ["4:a"]), ("", []), ("\n", []), (",", ["1:|"]), ("a,", ["1:a|"]), (",,\n", ["1:||"]),
            ("\"\"\n", ["1:"]), ("\"a,b\",\"c\"\"d\"", ["1:a,b|c\"d"]), ("\"\"\"\"", ["1:\""]),
            ("\"a\nb\r\nc\"\nd", ["1:a\nb\r\nc", "4:d"]), ("5\" disk,a\"b", ["1:5\" disk|a\"b"]),
            ("\"a\" ,b\nc,d", ["1:!", "2:c|d"]), ("\"a\"b\"\nc", ["1:!", "2:c"]), (" \"a\"", ["1: \"a\""]),
            ("a\n\"b\"\r\n\r\n\"c\"\r\n", ["1:a", "2:b", "4:c"]), ("a\r\n\r\nb", ["1:a", "3:b"]),
        ])
    func records(_ text: String, _ expected: [String]) {
        #expect(Self.split(Array(text.utf8)) == expected)
    }

    @Test("where the pieces of a body end makes no difference")
    func pieces() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<300 {
            let text = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                Array("a\",\n\r".utf8).randomElement(using: &random) ?? 0
            }
            let whole = Self.split(text)
            for length in 1...5 { #expect(Self.split(text, every: length) == whole, "\(text)") }
        }
    }

    @Test("what is written is read again, whatever it is")
    func cells() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<500 {
            let texts = (0..<3).map { _ in
                String(
                    (0..<Int.random(in: 1...8, using: &random)).map { _ in
                        "a\",\n\r é😀".randomElement(using: &random) ?? "b"
                    })
            }
            var bytes: [UInt8] = []
            for (place, text) in texts.enumerated() {
                if place > 0 { bytes.append(UInt8(ascii: ",")) }
                CSVCell.write(text, to: &bytes)
            }
            #expect(Self.split(bytes + Array("\r\n".utf8)) == ["1:" + texts.joined(separator: "|")])
        }
    }

    @Test(
        "an export imported into another daemon gives the same rows, and into its own changes nothing",
        arguments: Fixtures.catalogs)
    func identity(_ catalog: String) async throws {
        try await withCatalogs { rig in
            _ = await rig.takeIn(catalog, "format=jsonl", Fixtures.lines(catalog, 700))
            let file = await rig.send(.get, "/\(catalog)/export?format=csv")
            #expect(file.headers["content-type"] == "text/csv; charset=utf-8")
            #expect(file.headers["content-disposition"] == "attachment; filename=\"\(catalog).csv\"")
            let again = await rig.takeIn(catalog, "", file.text, type: "text/csv; charset=utf-8; header=present")
            #expect(again.counts == Counts(rows: 700, unchanged: 700))
            #expect(again.json?["format"] == "csv")
            let original = try await rig.rows(catalog)
            try await withCatalogs { other in
                #expect(await other.takeIn(catalog, "format=csv", file.text).counts.new == 700)
                let now = try await other.rows(catalog)
                #expect(now == original)
            }
        }
    }

    @Test("an empty cell clears what may be empty and leaves the rest alone")
    func emptyCells() async throws {
        try await withCatalogs { rig in
            _ = await rig.takeIn(
                "model-catalog", "format=csv",
                "file_name,display_name,model_type,tags,status,description\nx,X,unet,a;b,inactive,old\n")
            let report = await rig.takeIn(
                "model-catalog", "format=csv", "status,model_type,tags,file_name,display_name\n,unet,,x,Y\n")
            #expect(report.counts == Counts(rows: 1, changed: 1))
            let row = try await rig.rows("model-catalog").first
            #expect(row?["display_name"] == "Y")
            #expect(row?["tags"] == .null)
            #expect(row?["status"] == "inactive")
            #expect(row?["description"] == "old")
            let missing = await rig.takeIn(
                "model-catalog", "format=csv", "status,model_type,tags,file_name,display_name\n,,,x,Y\n")
            #expect(missing.reasons == ["2 x: model_type: String should have at least 1 character"])
        }
    }

    @Test(
        "lists in a cell",
        arguments: [
            ("a;b", ["a", "b"]), (" a ; ;b;", ["a", "b"]), (#"["a;b","c"]"#, ["a;b", "c"]), ("a", ["a"]),
            ("a,b", ["a,b"]),
            (";", nil), ("[]", nil), ("a;[1", ["a", "[1"]),
        ] as [(String, [String]?)])
    func lists(_ cell: String, _ expected: [String]?) async throws {
        try await withCatalogs { rig in
            var bytes = Array("file_name,display_name,tags\nx,X,".utf8)
            CSVCell.write(cell, to: &bytes)
            #expect(await rig.takeIn("loras", "format=csv", HTTPBody(bytes)).counts.new == 1)
            let tags = try await rig.rows("loras").first?["tags"]?.arrayValue?.compactMap(\.stringValue)
            #expect(tags == expected)
        }
    }

    @Test("wrong lines are skipped with their number, the others are stored")
    func wrongLines() async throws {
        try await withCatalogs { rig in
            var text = Array("\u{FEFF}id,file_name,display_name,colour,tags,\r\n1,a,A,red,,\r\n2,b\r\n".utf8)
            text += Array("3,c,C,,,,\r\n4,d,\"D\"x,,,\r\n5,\"e\ne\",E,,[a,\r\n6,".utf8) + [0xFF]
            text += Array(",F,,,\r\n7,,G,,,\r\n8,h,H,,\"[1]\",\r\n9,a,A,,,\r\n10,z,Z,,,".utf8)
            let report = await rig.takeIn("loras", "format=csv", HTTPBody(text))
            #expect(report.counts == Counts(rows: 10, new: 2, skipped: 8))
            #expect(
                report.reasons == [
                    "1 colour: No such column; its cells are not read.",
                    "3 : The line has 2 cells and the header line 6.",
                    "4 : The line has 7 cells and the header line 6.",
                    "5 : There is text after the closing quote of cell 3.",
                    "6 e\ne: tags: Input should be a valid list",
                    "8 : file_name: The cell is not UTF-8.", "9 : file_name: String should have at least 1 character",
                    "10 h: tags.0: Input should be a valid string", "11 a: The key is already in line 2.",
                ])
            let now = try await rig.rows("loras")
            #expect(now.map { $0["file_name"] } == ["a", "z"])
        }
    }

    @Test(
        "texts that cannot be read as a whole",
        arguments: [
            ("", "The file has no header line."), ("\n\n", "The file has no header line."),
            (
                "file_name;display_name\na;b\n",
                "The header line has no column file_name, display_name. Columns are separated by commas."
            ),
            ("file_name\na\n", "The header line has no column display_name. Columns are separated by commas."),
            (
                "file_name,display_name" + String(repeating: ",x", count: 1000),
                "The header line has more than 1000 columns."
            ),
            ("file_name,display_name,file_name\na,b,c\n", "The header line has the column file_name twice."),
            ("\"file_name\"x,display_name\na,b\n", "There is text after the closing quote of cell 1."),
            ("file_name,display_name\na,A\nb,\"B\nc,C\n", "A quote opens in line 3 and never closes."),
            ("file_name,display_name\na,\"", "A quote opens in line 2 and never closes."),
        ])
    func unreadable(_ text: String, _ words: String) async throws {
        try await withCatalogs { rig in
            let answer = await rig.takeIn("loras", "format=csv", text)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json?["detail"]?[0]?["msg"] == .string(words))
            let now = try await rig.rows("loras")
            #expect(now.isEmpty)
        }
    }

    @Test("UTF-16, as a spreadsheet may save it")
    func utf16() async throws {
        try await withCatalogs { rig in
            for mark: [UInt8] in [[0xFF, 0xFE], [0xFE, 0xFF]] {
                let answer = await rig.takeIn("loras", "format=csv", HTTPBody(mark + [0x66, 0]))
                #expect(answer.status == .unprocessableContent)
                #expect(answer.text.contains("UTF-16"))
            }
        }
    }

    @Test("a line that is too long is skipped, a quote that stays open for as long ends the import")
    func tooLong() async throws {
        let head = Array("file_name,display_name\n".utf8)
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: CSVSplitter.longestRecord + 1)
        try await withCatalogs { rig in
            let report = await rig.takeIn("loras", "format=csv", HTTPBody(head + long + Array("\na,A\n".utf8)))
            #expect(report.reasons == ["2 : The line is longer than 1048576 bytes."])
            #expect(report.counts == Counts(rows: 2, new: 1, skipped: 1))
            let open = await rig.takeIn("loras", "format=csv", HTTPBody(head + Array("b,\"".utf8) + long + long))
            #expect(open.status == .unprocessableContent)
            #expect(open.text.contains("A quote opens in line 2 and does not close within 1048576 bytes."))
        }
    }
}
