/// A route's parsed template, such as `/api/task/{id}/status` or `/ui/{file...}`.
package struct PathTemplate: Sendable, Equatable {
    /// One segment of a template.
    package enum Segment: Sendable, Equatable {
        /// The segment itself, decoded.
        case literal(String)
        /// `{name}`: one segment.
        case parameter(String)
        /// `{name...}`: the rest of the path, at least one segment.
        case rest(String)
    }

    /// The segments in order; none is the root.
    package let segments: [Segment]

    /// Parses a template; a trailing slash and the empty text are the same as without.
    ///
    /// - Throws: ``PathTemplateProblem``.
    package init(_ text: String) throws(PathTemplateProblem) {
        guard text.isEmpty || text.hasPrefix("/") else { throw PathTemplateProblem("does not start with \"/\"") }
        var parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if parts.last?.isEmpty == true { parts.removeLast() }
        var segments: [Segment] = []
        for part in parts { segments.append(try Self.segment(String(part))) }
        self.segments = segments
        try checkParameters()
    }

    /// The names of the parameters in order.
    package var parameterNames: [String] {
        segments.compactMap { segment in
            switch segment {
            case .literal: nil
            case .parameter(let name), .rest(let name): name
            }
        }
    }

    /// The template without the names: two templates of one pattern match the same paths.
    package var pattern: String {
        guard !segments.isEmpty else { return "/" }
        return segments.reduce(into: "") { text, segment in
            switch segment {
            case .literal(let literal): text += "/" + literal
            case .parameter: text += "/{}"
            case .rest: text += "/{...}"
            }
        }
    }

    /// Whether paths of this template are below a prefix, segment by segment.
    package func isBelow(_ prefix: PathTemplate) -> Bool {
        segments.starts(with: prefix.segments)
    }

    private static func segment(_ text: String) throws(PathTemplateProblem) -> Segment {
        guard !text.isEmpty else { throw PathTemplateProblem("has an empty segment") }
        guard text != ".", text != ".." else { throw PathTemplateProblem("has a segment \"\(text)\"") }
        guard text.contains("{") || text.contains("}") else {
            guard !text.contains("?"), !text.contains("#") else {
                throw PathTemplateProblem("has a query or fragment")
            }
            return .literal(text)
        }
        guard text.hasPrefix("{"), text.hasSuffix("}") else {
            throw PathTemplateProblem("has a parameter that is not a whole segment: \"\(text)\"")
        }
        let inner = text.dropFirst().dropLast()
        let takesRest = inner.hasSuffix("...")
        let name = String(takesRest ? inner.dropLast(3) : inner)
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameByte) else {
            throw PathTemplateProblem("has a bad parameter name: \"\(text)\"")
        }
        return takesRest ? .rest(name) : .parameter(name)
    }

    private func checkParameters() throws(PathTemplateProblem) {
        for segment in segments.dropLast() {
            if case .rest(let name) = segment { throw PathTemplateProblem("has \"{\(name)...}\" before its end") }
        }
        var seen: Set<String> = []
        for name in parameterNames where !seen.insert(name).inserted {
            throw PathTemplateProblem("has the parameter \"\(name)\" twice")
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// What is wrong with a template, worded to follow the template's text.
package struct PathTemplateProblem: Error, Equatable, CustomStringConvertible {
    /// The problem, such as `has an empty segment`.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
