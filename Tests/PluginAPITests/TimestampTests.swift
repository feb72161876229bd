import PluginAPI
import Testing

@Suite("Times")
struct TimestampTests {
    @Test(
        "a timestamp is written as RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_769_846_400_123, "2026-01-31T08:00:00.123Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-0001-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func writing(milliseconds: Int64, expected: String) {
        #expect(Timestamp(milliseconds: milliseconds).iso8601 == expected)
    }

    @Test("the ends of the range do not trap")
    func ends() {
        #expect(Timestamp(milliseconds: .max).iso8601.hasSuffix("Z"))
        #expect(Timestamp(milliseconds: .min).iso8601.hasPrefix("-"))
    }

    @Test("a timestamp is a number in JSON")
    func coding() throws {
        let json = try JSON(encoding: [Timestamp(milliseconds: 5)])
        #expect(json == [5])
        #expect(try json.decode([Timestamp].self) == [Timestamp(milliseconds: 5)])
    }

    @Test("a timestamp is moved by milliseconds, and stays within its range")
    func advancing() {
        let time = Timestamp(milliseconds: 1000)
        #expect(time.advanced(by: .milliseconds(1500)) == Timestamp(milliseconds: 2500))
        #expect(time.advanced(by: .seconds(-2)) == Timestamp(milliseconds: -1000))
        #expect(Timestamp(milliseconds: .max).advanced(by: .seconds(1)) == Timestamp(milliseconds: .max))
        #expect(Timestamp(milliseconds: .min).advanced(by: .seconds(-1)) == Timestamp(milliseconds: .min))
    }

    @Test("durations become nanoseconds without overflow")
    func durations() {
        #expect(Duration.milliseconds(1500).inNanoseconds == 1_500_000_000)
        #expect(Duration.seconds(-2).inNanoseconds == -2_000_000_000)
        #expect(Duration.seconds(Int64.max).inNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).inNanoseconds == .min)
        #expect(Duration.milliseconds(250).inSeconds == 0.25)
    }

    @Test("a moment far ahead stays ahead")
    func instants() {
        let now = Instant(nanoseconds: 1000)
        #expect(now.advanced(by: .seconds(1)) == Instant(nanoseconds: 1_000_001_000))
        #expect(now.advanced(by: .seconds(Int64.max)) > now)
        #expect(now.advanced(by: .seconds(Int64.min)) < now)
        #expect(now.duration(to: now.advanced(by: .seconds(3))) == .seconds(3))
    }
}
