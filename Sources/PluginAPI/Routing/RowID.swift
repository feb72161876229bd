/// The number of a row in a path; what is no number is answered with 422, as FastAPI does, not with 404.
public struct RowID: PathParameter, Hashable {
    private let text: String

    /// Takes any segment.
    public init(pathComponent: String) { text = pathComponent }

    /// `{"type": "integer"}`.
    public static var schema: JSON { ["type": "integer"] }

    /// The number; one that is larger than any row can have becomes the largest there is.
    ///
    /// - Throws: ``HTTPError`` 422.
    public var value: Int64 {
        get throws {
            if let value = Int64(text) { return value }
            let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
            if !digits.isEmpty, text.utf8.count - digits.count <= 1, digits.allSatisfy({ (48...57).contains($0) }) {
                return digits.count == text.utf8.count ? .max : .min
            }
            throw BodyForm.refusal([
                BodyForm.problem(
                    "int_parsing", ["path", "id"],
                    "Input should be a valid integer, unable to parse string as an integer", .string(text))
            ])
        }
    }
}
