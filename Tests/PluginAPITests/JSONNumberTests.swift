import PluginAPI
import Testing

@Suite("JSON numbers")
struct JSONNumberTests {
    @Test(
        "keep their text",
        arguments: [
            "8.0", "1E+5", "-0", "-0.0", "18446744073709551615", "0.1", "1e400", "0.10000000000000001",
            "123456789012345678901234567890", "1.7976931348623157e+308",
        ])
    func text(literal: String) throws {
        let json = try JSON(parsing: "[\(literal)]")
        #expect(json.text() == "[\(literal)]")
        #expect(json[0]?.numberValue?.literal == literal)
        #expect(json[0]?.numberValue == JSONNumber(literal: literal))
    }

    @Test(
        "are integers exactly when their value is",
        arguments: [
            ("0", 0), ("-0", 0), ("-0.0", 0), ("0e99999999999999999999", 0), ("8.0", 8), ("1e3", 1000), ("1E+3", 1000),
            ("1.5e1", 15), ("-12.50e1", -125), ("1000e-3", 1), ("0.001e3", 1), ("0.00e-7", 0), ("120e-1", 12),
            ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("9223372036854775807.000", Int.max),
            ("-9.223372036854775808e18", Int.min), ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("-9.223372036854775809e18", nil), ("1e19", nil), ("1e20", nil), ("1e-1", nil), ("8.5", nil), ("0.1", nil),
            ("12e-1", nil), ("1e99999999999999999999999", nil), ("1e-99999999999999999999999", nil),
            ("1e18", 1_000_000_000_000_000_000),
        ] as [(String, Int?)])
    func int(literal: String, value: Int?) {
        #expect(JSONNumber(literal: literal)?.int == value)
    }

    @Test(
        "are unsigned integers up to the largest seed",
        arguments: [
            ("18446744073709551615", UInt64.max), ("1.8446744073709551615e19", UInt64.max),
            ("18446744073709551616", nil),
            ("1e19", 10_000_000_000_000_000_000), ("-1", nil), ("-0", 0), ("-0.0", 0), ("99999999999999999999", nil),
            ("0.5", nil),
        ] as [(String, UInt64?)])
    func uint64(literal: String, value: UInt64?) {
        #expect(JSONNumber(literal: literal)?.uint64 == value)
    }

    @Test(
        "are the nearest double, or none when too large",
        arguments: [
            ("0.1", 0.1), ("8", 8), ("1E+5", 100_000), ("5e-324", .leastNonzeroMagnitude), ("1e-400", 0),
            ("1.7976931348623157e308", .greatestFiniteMagnitude),
            ("1e309", nil), ("-1e309", nil), ("18446744073709551615", 0x1p64),
        ] as [(String, Double?)])
    func double(literal: String, value: Double?) {
        #expect(JSONNumber(literal: literal)?.double == value)
    }

    @Test("negative zero stays negative as a double")
    func negativeZero() {
        #expect(JSONNumber(literal: "-0")?.double?.sign == .minus)
    }

    @Test(
        "refuse text outside of the grammar",
        arguments: [
            "", " 1", "1 ", "+1", "01", "1.", ".1", "1e", "0x1", "NaN", "Infinity", "1,2", "--1", "1e1.0", "١",
            "1\u{0}",
        ])
    func refused(literal: String) {
        #expect(JSONNumber(literal: literal) == nil)
    }

    @Test("are written as the shortest text that gives the same value")
    func fromValues() {
        #expect(JSONNumber(Int.min).literal == "-9223372036854775808")
        #expect(JSONNumber(UInt64.max).literal == "18446744073709551615")
        #expect(JSONNumber(0.1).literal == "0.1")
        #expect(JSONNumber(8.0).literal == "8.0")
        for value in [1e16, 1e-7, .leastNonzeroMagnitude, -0.0, .greatestFiniteMagnitude, 1 / 3.0, 123456.789e-30] {
            let literal = JSONNumber(value).literal
            #expect(JSONNumber(literal: literal)?.double?.bitPattern == value.bitPattern)
        }
    }

    @Test("that are not finite get Python's words, or none")
    func nonFinite() {
        #expect(JSONNumber(Double.nan).literal == "NaN")
        #expect(JSONNumber(-Double.infinity).literal == "-Infinity")
        #expect(JSONNumber(exactly: .infinity) == nil)
        #expect(JSONNumber(exactly: .nan) == nil)
        #expect(JSONNumber(exactly: 2.5)?.literal == "2.5")
        #expect(!JSONNumber(Double.infinity).isFinite)
        #expect(JSONNumber(1.5e300).isFinite)
    }

    @Test("are equal when their text is")
    func equality() {
        #expect(JSONNumber(literal: "8") != JSONNumber(literal: "8.0"))
        #expect(Set([JSONNumber(8), JSONNumber(literal: "8")]).count == 1)
    }

    @Test("of a million digits are read in time and never trap")
    func long() throws {
        let digits = String(repeating: "9", count: 1_000_000)
        for literal in [
            digits, "0.\(digits)", "1e\(digits)", "-1e-\(digits)", "1\(digits.replacing("0"))",
            "0.\(digits.replacing("0"))1",
        ] {
            let number = try #require(try JSON(parsing: literal).numberValue)
            #expect(number.literal == literal)
            #expect(number.int == nil)
            #expect(number.uint64 == nil)
            _ = number.double
        }
        let padded = try #require(JSONNumber(literal: "1\(digits.replacing("0"))e-1000000"))
        #expect(padded.int == 1)
        #expect(padded.double == 1)
    }
}

extension String {
    /// The same number of bytes, all of them another digit.
    fileprivate func replacing(_ digit: Character) -> String {
        String(repeating: digit, count: utf8.count)
    }
}
