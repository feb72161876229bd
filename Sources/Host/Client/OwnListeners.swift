import CLinux
import PluginAPI
import Synchronization

/// Where the daemon itself listens.
final class OwnListeners: Sendable {
    private struct Listener: Sendable {
        let address: IPAddress
        let port: Int
    }

    private let listeners = Mutex<[Listener]>([])

    /// Takes the addresses as they are bound.
    func set(_ addresses: [(address: String, port: UInt16)]) {
        let known = addresses.compactMap { address, port in
            IPAddress(address).map { Listener(address: $0, port: Int(port)) }
        }
        listeners.withLock { $0 = known }
    }

    /// Whether a connection there would reach the daemon, by a translator of addresses too.
    func contains(_ address: IPAddress, port: Int) -> Bool {
        let near = listeners.withLock { $0.filter { $0.port == port } }
        guard !near.isEmpty else { return false }
        return [address, address.embedded].compactMap(\.self).contains { address in
            near.contains { listener in
                listener.address == address
                    || Self.isUnspecified(listener.address) && Self.isThisMachine(address)
                    // Who connects to the unspecified address comes to the loopback one.
                    || Self.isUnspecified(address) && Self.isLoopback(listener.address)
            }
        }
    }

    private static func isLoopback(_ address: IPAddress) -> Bool {
        address.bytes.count == 4 ? address.bytes.first == 127 : address.bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    private static func isUnspecified(_ address: IPAddress) -> Bool { address.bytes.allSatisfy { $0 == 0 } }

    private static func isThisMachine(_ address: IPAddress) -> Bool {
        // Of 127.0.0.0/8 an interface has one address, and all of them lead here; as does the unspecified one.
        if isLoopback(address) || isUnspecified(address) { return true }
        return comfyd_is_own_address(address.bytes, Int32(address.bytes.count)) != 0
    }
}
