/// Limits of a parse, and what it accepts beyond RFC 8259.
public struct JSONParseOptions: Sendable {
    /// How many arrays and objects may be open inside each other; one more is an error.
    ///
    /// Releasing a value takes stack per level. The default is safe on a stack of 512 KiB.
    public var maximumDepth: Int

    /// Whether the bare words `NaN`, `Infinity` and `-Infinity` are numbers, as Python prints them.
    ///
    /// They are kept as their literal and written again as they came.
    public var allowsNonFiniteNumbers: Bool

    /// Makes options; the defaults are the standard's grammar with at most 512 levels.
    public init(maximumDepth: Int = 512, allowsNonFiniteNumbers: Bool = false) {
        self.maximumDepth = maximumDepth
        self.allowsNonFiniteNumbers = allowsNonFiniteNumbers
    }
}
