/// Decides which addresses a request may be sent to, after its host's name is resolved.
///
/// A check of the URL alone is not one: a name may lead anywhere, and elsewhere a moment later. A request with a policy
/// goes through no proxy, because what a proxy connects to cannot be seen.
public struct AddressPolicy: Sendable {
    /// Whether the request may be sent there; called on an event loop, so it must not block.
    public var allows: @Sendable (ConnectionTarget) -> Bool

    /// Makes a policy.
    public init(allows: @escaping @Sendable (ConnectionTarget) -> Bool) {
        self.allows = allows
    }
}

/// Where a connection goes.
public struct ConnectionTarget: Sendable, Hashable {
    /// The address.
    public var address: IPAddress
    /// The port.
    public var port: Int
    /// Whether the daemon itself listens there.
    public var isThisDaemon: Bool

    /// Makes a target; the client does this, and tests.
    public init(address: IPAddress, port: Int, isThisDaemon: Bool = false) {
        self.address = address
        self.port = port
        self.isThisDaemon = isThisDaemon
    }
}
