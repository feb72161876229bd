/// The commands that need the running parts of the daemon.
///
/// Each returns when the command is done. ``ConfigurationProblems`` and ``UsageError`` become exit code 2,
/// ``CommandFailure`` its own code, every other error 1; all are printed.
package protocol CommandRunner: Sendable {
    /// The version that `comfyd version` prints.
    var version: String { get }

    /// Runs the daemon until it is told to end.
    func run(_ invocation: Invocation) async throws
    /// Checks host and plugins; returns what to print when all is right.
    func check(_ invocation: Invocation) async throws -> String
    /// The table of routes.
    func routes(_ invocation: Invocation) async throws -> String
    /// The OpenAPI document.
    func openapi(_ invocation: Invocation) async throws -> String
    /// The table of plugins.
    func plugins(_ invocation: Invocation) async throws -> String
    /// Looks whether a plugin of this name is there to be enabled.
    func findPlugin(_ name: String, _ invocation: Invocation) async throws
    /// The keys of one plugin, or with nil of all that are found; must not fail for a broken configuration.
    func documentation(plugin name: String?, _ invocation: Invocation) async throws -> [DocumentedSection]
    /// Makes an API key; returns the text of the key, and what is odd about it.
    func createToken(_ new: NewAPIKey, _ invocation: Invocation) async throws -> (text: String, warnings: [String])
    /// The table of API keys.
    func listTokens(_ invocation: Invocation) async throws -> String
    /// Revokes an API key.
    func revokeToken(id: String, _ invocation: Invocation) async throws -> String
    /// The admin token that the daemon made.
    func adminToken(_ invocation: Invocation) async throws -> String
    /// Copies the state.
    func backup(to path: String, _ invocation: Invocation) async throws -> String
}

/// A command that failed with a reason for the operator.
package struct CommandFailure: Error, Sendable, CustomStringConvertible {
    /// The reason, lower case.
    package let description: String
    /// The exit code.
    package let exitCode: Int32

    /// Makes a failure.
    package init(_ description: String, exitCode: Int32 = 1) {
        self.description = description
        self.exitCode = exitCode
    }
}
