import PluginAPI

extension Daemon: DaemonControl {
    /// All plugins: enabled ones with their state, and those that could be enabled.
    package func plugins() async -> [PluginSummary] {
        let running = manager.board.entries
        let enabled = running.map { entry in
            PluginSummary(
                name: entry.instance.name, version: entry.instance.manifest.version,
                summary: entry.instance.manifest.summary, path: entry.instance.loaded.path, enabled: true,
                state: entry.state.word, reason: entry.state.reason)
        }
        let others = options.loader(loaded.daemon).available().filter { found in
            !running.contains { $0.instance.name == found.name }
        }
        return enabled
            + others.map { PluginSummary(name: $0.name, path: $0.path, enabled: false, state: "disabled") }
    }

    /// Writes the switch into the configuration file and applies it; a set that cannot run leaves the file as it was.
    package func setPlugin(_ name: String, enabled: Bool) async throws {
        guard let file = loaded.file else {
            throw HTTPError(
                .conflict, "host.no_configuration_file", "The daemon runs without a configuration file to write into.")
        }
        let isKnown = await plugins().contains { $0.name == name } || loaded.plugin(name) != nil
        guard isKnown else { throw HTTPError(.notFound, "host.no_such_plugin", "There is no plugin \"\(name)\".") }
        try await changes.run {
            let before = try TextFile.read(file)
            _ = try PluginSwitch.setPluginEnabled(file: file, name: name, enabled: enabled)
            let after = try TextFile.read(file)
            do {
                try await readAndApply()
            } catch {
                // Unless the operator was there in the meantime.
                if try TextFile.read(file) == after { try TextFile.replace(file, with: before) }
                throw error
            }
        }
    }

    /// Reads configuration and certificates again and applies them.
    ///
    /// Listeners, limits and storage need a restart.
    package func reload() async throws {
        try await changes.run { try await readAndApply() }
    }

    private func readAndApply() async throws {
        let fresh = try options.load()
        // First, because new certificates do no harm when the rest fails; the rest would have to be taken back.
        try await server.reloadCertificates()
        try await manager.apply(wanted(fresh))
        loaded = fresh
        parts.log.level = fresh.daemon.log.level
        refreshDocuments()
        for notice in fresh.notices { parts.logger.log(notice.level, notice.message, [:]) }
        let waiting = fresh.keysThatNeedRestart(since: started)
        if !waiting.isEmpty {
            parts.logger.warning("changes that need a restart", ["keys": waiting.joined(separator: ", ")])
        }
        parts.logger.notice("configuration applied")
    }
}

extension LoadedConfiguration {
    /// The top-level keys whose values a running daemon does not take over, and that differ.
    fileprivate func keysThatNeedRestart(since started: LoadedConfiguration) -> [String] {
        let keys = [
            "listen", "state_dir", "auth", "comfyui", "public_base_url", "trusted_proxies", "limits", "threads",
            "shutdown", "api_docs_directory",
        ]
        return keys.filter { source.root?.json[$0] != started.source.root?.json[$0] }
    }
}
