import PluginAPI

/// The values of the command line; they rank above environment and file.
package struct CommandLineOverrides: Sendable, Equatable {
    /// `--state-dir`, relative to the working directory.
    package var stateDirectory: String?
    /// `--listen`, as often as it was given.
    package var listen: [String] = []
    /// `--log-level`.
    package var logLevel: String?
    /// `--log-format`.
    package var logFormat: String?

    /// Overrides nothing.
    package init() {}

    func values(in workingDirectory: String) -> [String: ConfigReader.Override] {
        var values: [String: ConfigReader.Override] = [:]
        if let stateDirectory {
            let path = FilePath.absolute(stateDirectory, in: workingDirectory)
            values["state_dir"] = .init(.string(path), origin: "option --state-dir")
        }
        if !listen.isEmpty {
            values["listen"] = .init(.array(listen.map { .string($0) }), origin: "option --listen")
        }
        if let logLevel { values["log.level"] = .init(.string(logLevel), origin: "option --log-level") }
        if let logFormat { values["log.format"] = .init(.string(logFormat), origin: "option --log-format") }
        return values
    }
}
