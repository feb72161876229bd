/// The fenced code blocks of a Markdown page that stand below a comment such as `<!-- file: Package.swift -->`.
///
/// A comment counts for the blocks that follow it without other text between.
struct MarkdownBlocks {
    struct Block {
        let kind: String
        let name: String
        let language: String
        let text: String
    }

    let blocks: [Block]

    init(page: String) {
        var found: [Block] = []
        var mark: (kind: String, name: String)?
        var open: [Substring]?
        var language = ""
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if var lines = open {
                if line == "```" {
                    if let mark {
                        let text = lines.joined(separator: "\n") + "\n"
                        found.append(Block(kind: mark.kind, name: mark.name, language: language, text: text))
                    }
                    open = nil
                } else {
                    lines.append(line)
                    open = lines
                }
            } else if line.hasPrefix("```") {
                open = []
                language = String(line.dropFirst(3))
            } else if line.hasPrefix("<!-- "), line.hasSuffix(" -->"), let colon = line.firstIndex(of: ":") {
                mark = (String(line[..<colon].dropFirst(5)), String(line[colon...].dropFirst(2).dropLast(4)))
            } else if !line.isEmpty {
                mark = nil
            }
        }
        blocks = found
    }

    /// The blocks of one kind.
    func of(_ kind: String) -> [Block] {
        blocks.filter { $0.kind == kind }
    }
}
