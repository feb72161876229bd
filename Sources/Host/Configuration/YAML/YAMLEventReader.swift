internal import CYAML

/// One step of libyaml through a text.
struct YAMLEvent {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(String, isPlain: Bool)
        case sequenceStart(isFlow: Bool)
        case sequenceEnd
        case mappingStart(isFlow: Bool)
        case mappingEnd
    }

    var kind: Kind
    var anchor: String?
    var tag: String?
    var start: YAMLMark
    var end: YAMLMark
}

/// Reads the events of a text with libyaml.
struct YAMLEventReader: ~Copyable {
    let file: String
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>

    init(_ text: String, file: String) throws(YAMLProblem) {
        self.file = file
        // libyaml reads from the buffer until the parser is deleted.
        input = .allocate(capacity: text.utf8.count)
        _ = input.initialize(from: text.utf8)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            throw YAMLProblem(file: file, line: 1, column: 1, message: "not enough memory")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    mutating func next() throws(YAMLProblem) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { yaml_event_delete(&event) }
        let start = YAMLMark(event.start_mark)
        let end = YAMLMark(event.end_mark)
        let data = event.data
        switch event.type {
        case YAML_STREAM_START_EVENT: return YAMLEvent(kind: .streamStart, start: start, end: end)
        case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, start: start, end: end)
        case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, start: start, end: end)
        case YAML_ALIAS_EVENT:
            return YAMLEvent(kind: .alias(Self.text(data.alias.anchor) ?? ""), start: start, end: end)
        case YAML_SCALAR_EVENT:
            let bytes = UnsafeBufferPointer(start: data.scalar.value, count: data.scalar.length)
            let isPlain = data.scalar.style == YAML_PLAIN_SCALAR_STYLE
            return YAMLEvent(
                kind: .scalar(String(decoding: bytes, as: UTF8.self), isPlain: isPlain),
                anchor: Self.text(data.scalar.anchor), tag: Self.text(data.scalar.tag), start: start, end: end)
        case YAML_SEQUENCE_START_EVENT:
            return YAMLEvent(
                kind: .sequenceStart(isFlow: data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE),
                anchor: Self.text(data.sequence_start.anchor), tag: Self.text(data.sequence_start.tag),
                start: start, end: end)
        case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, start: start, end: end)
        case YAML_MAPPING_START_EVENT:
            return YAMLEvent(
                kind: .mappingStart(isFlow: data.mapping_start.style == YAML_FLOW_MAPPING_STYLE),
                anchor: Self.text(data.mapping_start.anchor), tag: Self.text(data.mapping_start.tag),
                start: start, end: end)
        case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, start: start, end: end)
        default: return YAMLEvent(kind: .streamEnd, start: start, end: end)
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func problem() -> YAMLProblem {
        let state = parser.pointee
        var message = state.problem.map { String(cString: $0) } ?? "not enough memory"
        guard state.error != YAML_READER_ERROR else {
            let before = input.prefix(state.problem_offset)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count { $0 & 0xC0 != 0x80 } + 1
            return YAMLProblem(file: file, line: line, column: column, message: message)
        }
        let mark = YAMLMark(state.problem_mark)
        if let context = state.context {
            let place = YAMLMark(state.context_mark)
            message += " \(String(cString: context))"
            if place.line != mark.line { message += " that starts at line \(place.line)" }
        }
        return YAMLProblem(file: file, line: mark.line, column: mark.column, message: message)
    }
}

extension YAMLMark {
    /// Takes libyaml's place, which counts from 0.
    init(_ mark: yaml_mark_t) {
        self.init(
            index: Int(clamping: mark.index), line: Int(clamping: mark.line) + 1,
            column: Int(clamping: mark.column) + 1)
    }
}
