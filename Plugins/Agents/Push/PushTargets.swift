import PluginAPI

/// Where tasks may be pushed to: whoever writes an agent's `baseUrl` shall not make the daemon talk to itself, to a cloud's
/// metadata service, or to anything that listens on its machine alone.
struct PushTargets: Sendable {
    /// One entry of `push_targets`.
    enum Entry: Sendable, Hashable {
        /// Every address but this machine's loopback ones.
        case any
        /// The addresses of a network.
        case network(IPNetwork)
        /// Whatever a host's name leads to, loopback addresses only for `localhost`.
        case host(String)
    }

    private let entries: [Entry]

    /// Takes the setting.
    init(_ entries: [Entry]) {
        self.entries = entries
    }

    /// The policy for a request to a host, as its URL names it.
    func policy(for host: String) -> AddressPolicy {
        AddressPolicy { allows($0, host: host) }
    }

    /// Whether a task may be pushed to where a host's name led.
    func allows(_ target: ConnectionTarget, host: String) -> Bool {
        guard !target.isThisDaemon else { return false }
        return [target.address, target.address.embedded].compactMap(\.self).allSatisfy { address in
            guard !Self.never.contains(where: { $0.contains(address) }) else { return false }
            let isLoopback = Self.loopback.contains { $0.contains(address) }
            return entries.contains { entry in
                switch entry {
                case .any: !isLoopback
                case .network(let network):
                    network.contains(address) || !isLoopback && network.contains(target.address)
                case .host(let name): name == host.lowercased() && (!isLoopback || name == "localhost")
                }
            }
        }
    }

    private static let loopback = networks(["127.0.0.0/8", "::1"])

    /// What no setting allows: unspecified, link-local with the metadata services of clouds, multicast, reserved, broadcast.
    private static let never = networks([
        "0.0.0.0/8", "169.254.0.0/16", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.0/4", "240.0.0.0/4",
        "::", "fe80::/10", "fd00:ec2::/32", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd20:ce::254", "ff00::/8",
    ])

    private static func networks(_ texts: [String]) -> [IPNetwork] { texts.compactMap { IPNetwork($0) } }
}

extension PushTargets.Entry: ConfigValue {
    /// Takes `any`, a network, an address or a host's name.
    init(config: JSON) throws(ConfigProblem) {
        guard let text = config.stringValue?.trimmed.lowercased(), !text.isEmpty else {
            throw ConfigProblem("expected \(Self.configType)")
        }
        if text == "any" {
            self = .any
        } else if let network = IPNetwork(text) {
            self = .network(network)
        } else if Self.isName(text) {
            self = .host(text)
        } else {
            throw ConfigProblem("\"\(text)\" is not \(Self.configType)")
        }
    }

    /// What a person writes.
    static var configType: String { "any, a network such as 10.0.0.0/8, an address, or a host's name" }

    /// The word; what else there may be is never a default.
    var configText: String { "any" }

    private static func isName(_ text: String) -> Bool {
        // A name of digits and dots alone is a broken address.
        text.utf8.contains { (0x61...0x7A).contains($0) }
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || "-_.".utf8.contains(byte)
            }
    }
}
