import PluginAPI

/// An example of a published page: what answers have to show at least.
enum Example {
    /// What an answer lacks of an example, or has otherwise; nothing when it shows all of it.
    ///
    /// Keys that the example does not have may be there. A time of the example stands for any time with `Z`, a text such as `<jwt>`
    /// for any text.
    static func differences(_ answer: JSON?, from example: JSON, at place: String = "answer") -> [String] {
        guard let answer else { return ["\(place) is not there"] }
        if let members = example.objectValue {
            guard answer.objectValue != nil else { return ["\(place) is no object: \(answer.text())"] }
            return members.flatMap { differences(answer[$0.key], from: $0.value, at: "\(place).\($0.key)") }
        }
        if let items = example.arrayValue {
            guard answer.arrayValue?.count == items.count else {
                return ["\(place) has another length: \(answer.text())"]
            }
            return items.enumerated().flatMap { differences(answer[$0], from: $1, at: "\(place)[\($0)]") }
        }
        let text = answer.stringValue
        let isAsShown =
            switch example.stringValue {
            case let shown? where shown.hasPrefix("<") && shown.hasSuffix(">"): text?.isEmpty == false
            case let shown? where isTime(shown): text.map { isTime($0) && $0.hasSuffix("Z") } ?? false
            default: answer == example
            }
        return isAsShown ? [] : ["\(place) is \(answer.text()), shown is \(example.text())"]
    }

    /// The same for an answer as it came, which has to be 200.
    static func differences(_ answer: HTTPAnswer, from example: String) throws -> [String] {
        let found = differences(answer.json, from: try JSON(parsing: example))
        return answer.status == 200 && found.isEmpty ? [] : found + ["\(answer)"]
    }

    private static func isTime(_ text: String) -> Bool {
        text.utf8.count > 10 && Timestamp(iso8601: text) != nil
    }
}
