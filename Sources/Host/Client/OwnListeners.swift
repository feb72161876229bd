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

    /// Whether a connection there would reach the daemon.
    func contains(_ address: IPAddress, port: Int) -> Bool {
        let near = listeners.withLock { $0.filter { $0.port == port } }
        return near.contains { $0.address == address }
            || near.contains { Self.isUnspecified($0.address) } && Self.isThisMachine(address)
    }

    private static func isUnspecified(_ address: IPAddress) -> Bool { address.bytes.allSatisfy { $0 == 0 } }

    private static func isThisMachine(_ address: IPAddress) -> Bool {
        // Of 127.0.0.0/8 an interface has one address, and all of them lead here; as does the unspecified one.
        if address.bytes.count == 4 && address.bytes.first == 127 || isUnspecified(address) { return true }
        return comfyd_is_own_address(address.bytes, Int32(address.bytes.count)) != 0
    }
}
