import Host
import Testing

@Suite(".env files")
struct EnvironmentFileTests {
    @Test(
        "lines",
        arguments: [
            ("A=b", "b"), ("export A=b", "b"), ("  A = b c ", "b c"), ("A=b # comment", "b"), ("A=b#c", "b#c"),
            ("A=", ""), ("A= # nothing", ""), ("A=\"b # c\" # d", "b # c"), ("A='b\\n$c'", "b\\n$c"),
            ("A=\"b\\n\\t\\\"\\\\\\$\\q\"", "b\n\t\"\\$\\q"), ("A=a=b", "a=b"), ("A=${B}", "${B}"), ("A=x\r\nB=y", "x"),
            ("A=1\nA=2", "2"), ("\u{FEFF}A=b", "b"),
        ])
    func lines(text: String, expected: String) {
        #expect(EnvironmentFile(text).values["A"] == expected)
    }

    @Test("comments and blank lines are nothing")
    func comments() {
        let file = EnvironmentFile("\n# A=b\n   \n  # c\n")
        #expect(file.values.isEmpty)
        #expect(file.problems.isEmpty)
    }

    @Test("a wrong line is reported, the others count")
    func problems() {
        let file = EnvironmentFile("A=1\nnonsense\n1B=2\nC=\"open\nD='x' y\nE=5\n")
        #expect(file.values == ["A": "1", "E": "5"])
        #expect(
            file.problems.map { "\($0.line): \($0.message)" } == [
                "2: expected NAME=VALUE", "3: \"1B\" is not the name of a variable",
                "4: the quote is not closed on this line", "5: text after the closing quote",
            ])
    }
}
