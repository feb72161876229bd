import PluginAPI

/// The variables of the imitated services that stand for a host key together: `HOST` and `PORT`, `FLASK_HOST` and
/// `FLASK_PORT`, `COMFYUI_HOST` and `COMFYUI_PORT`, `DEBUG` and `FLASK_DEBUG`.
///
/// They rank above the file and below the key's own variables.
struct SeedVariables {
    private(set) var overrides: [String: ConfigReader.Override] = [:]
    private(set) var notices: [ConfigurationNotice] = []
    private let environment: [String: String]

    init(environment: [String: String]) {
        self.environment = environment
        readListeners()
        readComfyUI()
        readDebug()
    }

    private mutating func readListeners() {
        guard environment["COMFYD_LISTEN"] == nil else { return }
        var addresses: [JSON] = []
        var names: [String] = []
        for (host, port, defaultPort) in [("HOST", "PORT", "8000"), ("FLASK_HOST", "FLASK_PORT", "5000")] {
            let address = environment[host].flatMap { isAddress($0, host) ? $0 : nil }
            guard address != nil || environment[port] != nil else { continue }
            addresses.append(.string("\(bracketed(address ?? "127.0.0.1")):\(environment[port] ?? defaultPort)"))
            names += [address == nil ? nil : host, environment[port] == nil ? nil : port].compactMap { $0 }
        }
        guard !addresses.isEmpty else { return }
        take("listen", .array(addresses), from: names)
    }

    /// Some shells export the machine's name as `HOST`; only an address is meant for us.
    private mutating func isAddress(_ text: String, _ name: String) -> Bool {
        if text == "localhost" || ListenAddress.isIPv4(text) || ListenAddress.isIPv6(text) { return true }
        notices.append(
            ConfigurationNotice(level: .notice, message: "environment variable \(name) is no IP address; not used"))
        return false
    }

    private mutating func readComfyUI() {
        guard environment["COMFYD_COMFYUI_BASE_URL"] == nil, environment["COMFYUI_BASE_URL"] == nil else { return }
        let host = environment["COMFYUI_HOST"]
        let port = environment["COMFYUI_PORT"]
        guard host != nil || port != nil else { return }
        let url = "http://\(bracketed(host ?? "127.0.0.1")):\(port ?? "8188")"
        let names = [host == nil ? nil : "COMFYUI_HOST", port == nil ? nil : "COMFYUI_PORT"].compactMap { $0 }
        take("comfyui.base_url", .string(url), from: names)
    }

    private mutating func readDebug() {
        guard environment["COMFYD_LOG_LEVEL"] == nil else { return }
        for name in ["DEBUG", "FLASK_DEBUG"] {
            guard ["true", "1", "yes", "on"].contains(environment[name]?.lowercased()) else { continue }
            take("log.level", "debug", from: [name])
            return
        }
    }

    private mutating func take(_ path: String, _ value: JSON, from names: [String]) {
        let origin = "environment variable \(names.joined(separator: " and "))"
        overrides[path] = .init(value, origin: origin)
        notices.append(ConfigurationNotice(level: .notice, message: "\(path) is taken from \(origin)"))
    }

    private func bracketed(_ host: String) -> String {
        ListenAddress.isIPv6(host) ? "[\(host)]" : host
    }
}
