/// Dates of HTTP headers (RFC 9110 §5.6.7), in the form that everybody sends.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// Writes seconds since 1970, such as `Fri, 20 Nov 2026 18:47:45 GMT`.
    static func text(_ seconds: Int64) -> String {
        let day = floorDivide(seconds, 86_400)
        let inDay = seconds - day * 86_400
        let (year, month, dayOfMonth) = civil(day)
        let weekday = days[Int((day % 7 + 11) % 7)]
        let time = [inDay / 3600, inDay / 60 % 60, inDay % 60].map { padded($0) }.joined(separator: ":")
        return "\(weekday), \(padded(dayOfMonth)) \(months[Int(month) - 1]) \(year) \(time) GMT"
    }

    /// Reads that form as seconds since 1970.
    static func seconds(_ text: String) -> Int64? {
        let parts = text.split { $0 == " " || $0 == ":" || $0 == "," }
        guard parts.count == 8, parts[7] == "GMT", let month = months.firstIndex(of: String(parts[2])),
            let day = Int64(parts[1]), let year = Int64(parts[3]), let hour = Int64(parts[4]),
            let minute = Int64(parts[5]), let second = Int64(parts[6]), (1...31).contains(day),
            (1970...9999).contains(year), (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        return epochDay(year, Int64(month) + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    /// Days since 1970 of a Gregorian date, and back: Howard Hinnant, "chrono-compatible low-level date algorithms".
    private static func epochDay(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = floorDivide(year, 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let yearOfEra = year - era * 400
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ day: Int64) -> (Int64, Int64, Int64) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    private static func padded(_ value: Int64) -> String {
        value < 10 ? "0\(value)" : String(value)
    }
}
