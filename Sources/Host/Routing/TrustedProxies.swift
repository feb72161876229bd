import Glibc
package import PluginAPI

/// The proxies whose word about their clients is believed (`trusted_proxies`).
package struct TrustedProxies: Sendable {
    private let addresses: Set<String>

    /// Makes a set of IP addresses.
    package init(_ addresses: [String] = []) {
        self.addresses = Set(addresses)
    }

    /// The client that a trusted proxy names; `nil` when the peer is none, or names no IP address.
    ///
    /// That is the nearest address that is no trusted proxy: anything further left in `X-Forwarded-For` may be made up.
    package func client(of request: Request) -> String? {
        guard addresses.contains(request.remoteAddress) else { return nil }
        let hops = request.headers.values(for: "x-forwarded-for").joined(separator: ",").split(separator: ",")
        for hop in hops.reversed() {
            let address = String(hop.drop { $0 == " " }.prefix { $0 != " " })
            if !addresses.contains(address) { return Self.isAddress(address) ? address : nil }
        }
        return nil
    }

    private static func isAddress(_ text: String) -> Bool {
        var bytes = in6_addr()
        return inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1
    }
}
