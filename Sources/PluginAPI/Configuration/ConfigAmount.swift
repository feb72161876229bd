/// A number with a unit behind it, such as `30s` or `64 MiB`.
struct ConfigAmount {
    /// The number, zero or more.
    let amount: Double
    /// The letters after it, empty when there are none.
    let unit: String

    /// Splits a number or a text; nil when it does not start with a number.
    init?(_ config: JSON) {
        guard let text = config.stringValue ?? config.numberValue?.literal else { return nil }
        let digits = text.prefix { $0 == "." || ("0"..."9").contains($0) }
        guard let amount = Double(digits), amount.isFinite else { return nil }
        self.amount = amount
        unit = String(text.dropFirst(digits.count).drop { $0 == " " })
    }
}
