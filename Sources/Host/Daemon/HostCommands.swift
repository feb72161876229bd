import Glibc
package import PluginAPI

/// The commands that need more than the configuration.
package struct HostCommands: CommandRunner {
    package let version = Version.current
    private let builtIn: [String: any Plugin.Type]

    package init(builtIn: [String: any Plugin.Type] = [:]) {
        self.builtIn = builtIn
    }

    package func run(_ invocation: Invocation) async throws {
        try await DaemonProgram.run(options(invocation))
    }

    package func check(_ invocation: Invocation) async throws -> String {
        let (loaded, table) = try await examine(invocation)
        var lines = loaded.notices.map { "\($0.level): \($0.message)" }
        let names = loaded.specifications.map(\.name)
        lines.append("plugins: " + (names.isEmpty ? "none enabled" : names.joined(separator: ", ")))
        lines.append("routes: \(table.routes.count)")
        lines.append("the configuration is fine" + (loaded.file.map { ": \($0)" } ?? ""))
        return lines.joined(separator: "\n")
    }

    package func routes(_ invocation: Invocation) async throws -> String {
        let rows = try await examine(invocation).table.routes.map { route in
            let declaration = route.declaration
            return [
                declaration.method.rawValue, declaration.template, route.plugin, declaration.access.words,
                declaration.docs.summary,
            ]
        }
        return TextTable.lines(["METHOD", "PATH", "PLUGIN", "ACCESS", "SUMMARY"], rows)
    }

    package func openapi(_ invocation: Invocation) async throws -> String {
        let table = try await examine(invocation).table
        return openAPIDocument(table: table, info: OpenAPIInfo(version: version)).text(.pretty)
    }

    package func plugins(_ invocation: Invocation) async throws -> String {
        // Unchecked sections, so that a plugin that cannot be loaded is shown and not an error.
        let options = options(invocation)
        let loaded = try loadConfiguration(
            file: options.configurationFile, overrides: options.overrides, environment: options.environment)
        let loader = options.loader(loaded.daemon)
        let listed = loaded.plugins.map { Self.row($0, loader) }
        let others = loader.available().filter { loaded.plugin($0.name) == nil }
        let rest = others.map { [$0.name, "-", "not listed", $0.path] }
        return TextTable.lines(["PLUGIN", "VERSION", "STATE", "FILE"], listed + rest)
    }

    package func findPlugin(_ name: String, _ invocation: Invocation) async throws {
        let loaded = try load(invocation)
        do throws(PluginLoadError) {
            _ = try options(invocation).loader(loaded.daemon).load(name, file: loaded.plugin(name)?.file)
        } catch {
            throw CommandFailure(error.description)
        }
    }

    package func documentation(plugin name: String?, _ invocation: Invocation) async throws -> [DocumentedSection] {
        let options = options(invocation)
        let daemon =
            (try? loadConfiguration(
                file: options.configurationFile, overrides: options.overrides, environment: options.environment))?
            .daemon
        var reader = ConfigReader()
        let loader = options.loader(daemon ?? DaemonConfiguration(&reader))
        let names = name.map { [$0] } ?? loader.available().map(\.name)
        var sections: [DocumentedSection] = []
        for name in names {
            do throws(PluginLoadError) {
                let type = try loader.load(name, file: nil).type
                sections.append(
                    DocumentedSection(plugin: name, summary: type.manifest.summary, type: type.configurationType))
            } catch {
                // One broken file must not hide the keys of all others.
                if names.count == 1 { throw CommandFailure(error.description) }
            }
        }
        return sections
    }
}

// MARK: - Tokens and backup

extension HostCommands {
    package func createToken(
        _ new: NewAPIKey, _ invocation: Invocation
    ) async throws -> (text: String, warnings: [String]) {
        let issued = try await withKeys(invocation) { try await $0.create(new) }
        // A configuration that cannot be examined says nothing about scopes, and the key is made.
        let declared = (try? await examine(invocation))?.table.scopes ?? []
        return (issued.text.withExposed { $0 }, UnknownScopes.warnings(new.scopes, declared: declared))
    }

    package func listTokens(_ invocation: Invocation) async throws -> String {
        let keys = try await withKeys(invocation) { try await $0.list() }
        let rows = keys.map { key -> [String] in
            [
                key.id, key.name, key.scopes.isEmpty ? "-" : key.scopes.joined(separator: ","),
                key.rateLimit.map { "\($0)/min" } ?? "-", key.createdAt.iso8601, key.expiresAt?.iso8601 ?? "never",
                key.lastUsedAt?.iso8601 ?? "never", key.state(at: MonotonicClock().wallClock),
            ]
        }
        return TextTable.lines(
            ["ID", "NAME", "SCOPES", "RATE LIMIT", "CREATED", "EXPIRES", "LAST USED", "STATE"], rows)
    }

    package func revokeToken(id: String, _ invocation: Invocation) async throws -> String {
        guard try await withKeys(invocation, { try await $0.revoke(id: id) }) else {
            throw CommandFailure("there is no API key \"\(id)\" that is not revoked; see \"comfyd token list\"")
        }
        return "\(id) is revoked; a running daemon refuses it within a second"
    }

    package func adminToken(_ invocation: Invocation) async throws -> String {
        let daemon = try load(invocation).daemon
        guard daemon.auth.adminTokens.isEmpty else {
            throw CommandFailure("auth.admin_tokens in the configuration replaces the generated token")
        }
        let path = AdminToken.path(in: daemon.stateDirectory)
        do throws(FileProblem) {
            return try TextFile.read(path)
        } catch {
            throw CommandFailure("\(error); the daemon makes it at its first start")
        }
    }

    package func backup(to path: String, _ invocation: Invocation) async throws -> String {
        let target = FilePath.absolute(path, in: FilePath.current)
        try await withDatabase(invocation) { try await $0.backup(to: target) }
        return "the database is copied to \(target); keep secret.key of the state directory with it"
    }

    private func withKeys<T: Sendable>(
        _ invocation: Invocation, _ body: @Sendable (APIKeyStore) async throws -> T
    ) async throws -> T {
        try await withDatabase(invocation) { database in
            _ = try await Migrator(database: database).run(plugin: HostSchema.plugin, HostSchema.migrations)
            return try await body(APIKeyStore(database: database))
        }
    }

    private func withDatabase<T: Sendable>(
        _ invocation: Invocation, _ body: @Sendable (SQLiteDatabase) async throws -> T
    ) async throws -> T {
        let state = try load(invocation).daemon.stateDirectory
        try StateDirectory.prepare(state)
        let database = try SQLiteDatabase.open(path: Daemon.databasePath(in: state))
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }
}

// MARK: - Parts

extension HostCommands {
    private func options(_ invocation: Invocation) -> DaemonOptions {
        DaemonOptions(
            version: version, configurationFile: invocation.configurationFile, overrides: invocation.overrides,
            environment: ProcessEnvironment.variables, builtIn: builtIn)
    }

    /// The host's part of the configuration.
    private func load(_ invocation: Invocation) throws(ConfigurationProblems) -> LoadedConfiguration {
        let options = options(invocation)
        return try loadConfiguration(
            file: options.configurationFile, overrides: options.overrides, environment: options.environment)
    }

    /// Reads everything and lets the enabled plugins declare, without a socket, a database file or a state directory.
    private func examine(_ invocation: Invocation) async throws -> (loaded: LoadedConfiguration, table: RouteTable) {
        let options = options(invocation)
        let loaded = try options.load()
        let table = try await Daemon.examine(loaded, options: options)
        return (loaded, table)
    }

    private static func row(_ entry: PluginEntry, _ loader: PluginLoader) -> [String] {
        guard entry.isEnabled else { return [entry.name, "-", "disabled", entry.file ?? "-"] }
        do throws(PluginLoadError) {
            let loaded = try loader.load(entry.name, file: entry.file)
            return [entry.name, loaded.type.manifest.version, "enabled", loaded.path]
        } catch {
            return [entry.name, "-", "refused", error.description]
        }
    }
}

extension APIKey {
    /// Whether it is accepted, and if not, why.
    fileprivate func state(at moment: Timestamp) -> String {
        if let revokedAt { return "revoked \(revokedAt.iso8601)" }
        return isValid(at: moment) ? "valid" : "expired"
    }
}
