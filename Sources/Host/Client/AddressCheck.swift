import CCurl
import CLinux
import PluginAPI

/// Applies a request's ``AddressPolicy`` to its connections; confined to the engine's loop.
final class AddressCheck {
    private let policy: AddressPolicy
    private let own: OwnListeners
    private var refusals = 0
    private var connections = 0

    /// What errors say; not which address it was, since a stranger may have chosen the name.
    static let words = "no address of the host is allowed"

    init(policy: AddressPolicy, own: OwnListeners) {
        self.policy = policy
        self.own = own
    }

    /// Whether a connection may be opened; libcurl tries the host's next address otherwise.
    func mayConnect(to address: UnsafeMutablePointer<curl_sockaddr>) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        let count = comfyd_curl_address_bytes(address, &bytes, &port)
        let isAllowed = allows(IPAddress(bytes: Array(bytes.prefix(Int(count)))), port: Int(port))
        if isAllowed { connections += 1 } else { refusals += 1 }
        return isAllowed
    }

    /// Whether the policy is why there was no connection.
    var refusedAll: Bool { refusals > 0 && connections == 0 }

    /// Whether the request may go to an address; never to what is none.
    func allows(_ address: IPAddress?, port: Int) -> Bool {
        guard let address else { return false }
        return policy.allows(
            ConnectionTarget(address: address, port: port, isThisDaemon: own.contains(address, port: port)))
    }
}
