extension JSONParser {
    /// What can be wrong with a text.
    enum Problem {
        case expectedValue
        case expectedKey
        case expectedColon
        case expectedCommaOrBrace
        case expectedCommaOrBracket
        case expectedDigit
        case leadingZero
        case trailingContent
        case tooDeep
        case unterminatedString
        case controlCharacter
        case invalidEscape
        case invalidUTF8

        /// The problem in words.
        func message(_ options: JSONParseOptions, atEnd: Bool) -> String {
            let message = message(options)
            return atEnd && message.hasPrefix("expected") ? message + ", but the text ends" : message
        }

        private func message(_ options: JSONParseOptions) -> String {
            switch self {
            case .expectedValue: "expected a value"
            case .expectedKey: "expected a key in double quotes"
            case .expectedColon: "expected ':' after a key"
            case .expectedCommaOrBrace: "expected ',' or '}' after a member"
            case .expectedCommaOrBracket: "expected ',' or ']' after an element"
            case .expectedDigit: "expected a digit"
            case .leadingZero: "a number may not start with a zero before another digit"
            case .trailingContent: "expected nothing after the value"
            case .tooDeep: "nested deeper than \(options.maximumDepth) levels"
            case .unterminatedString: "a string has no closing quote"
            case .controlCharacter: "a control character in a string must be escaped"
            case .invalidEscape: "invalid escape in a string"
            case .invalidUTF8: "invalid UTF-8 in a string"
            }
        }
    }
}

extension JSONParseError {
    /// Says what stopped a parser.
    init(_ failure: JSONParser.Failure, _ options: JSONParseOptions, in bytes: UnsafeBufferPointer<UInt8>) {
        let message = failure.problem.message(options, atEnd: failure.offset == bytes.count)
        self.init(message: message, offset: failure.offset, in: bytes)
    }
}
