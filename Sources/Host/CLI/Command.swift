/// What the command line asks for.
package enum Command: Sendable, Equatable {
    /// Runs the daemon.
    case run
    /// Says all that is wrong with the configuration.
    case check
    /// Prints a commented configuration, of everything or of one plugin.
    case sample(plugin: String?)
    /// Prints the reference of all keys as Markdown.
    case reference
    /// Prints the routes.
    case routes
    /// Prints the OpenAPI document.
    case openapi
    /// Prints the plugins: found, enabled, refused and why.
    case plugins
    /// Switches a plugin on or off in the configuration file.
    case setPlugin(name: String, enabled: Bool)
    /// Makes an API key and prints it once.
    case createToken(NewAPIKey)
    /// Prints the API keys.
    case listTokens
    /// Revokes an API key.
    case revokeToken(id: String)
    /// Prints the admin token that the daemon made.
    case adminToken
    /// Copies the state of a running or stopped daemon.
    case backup(path: String)
    /// Prints the version.
    case version
    /// Prints help, of everything or of one command.
    case help(command: String?)
}

/// A command with the options that every command takes.
package struct Invocation: Sendable, Equatable {
    /// What to do.
    package var command: Command
    /// `--config`; nil means `comfyd.yaml` in the working directory if there is one.
    package var configurationFile: String?
    /// What ranks above file and environment.
    package var overrides: CommandLineOverrides

    /// Makes an invocation.
    package init(
        _ command: Command, configurationFile: String? = nil, overrides: CommandLineOverrides = CommandLineOverrides()
    ) {
        self.command = command
        self.configurationFile = configurationFile
        self.overrides = overrides
    }
}

/// What is wrong with a command line; exit code 2.
package struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence, lower case.
    package let description: String
    /// The command whose help tells more, if one was given.
    package let command: String?

    init(_ description: String, command: String? = nil) {
        self.description = description
        self.command = command
    }
}
