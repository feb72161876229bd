/// Names a capability and fixes its type; declared beside its protocol in `PluginAPI/Contracts`.
public struct CapabilityKey<Value: Sendable>: Sendable {
    /// The capability's name.
    public let name: String
    /// The version of its protocol.
    public let version: Int

    /// Makes a key.
    public init(_ name: String, version: Int) {
        self.name = name
        self.version = version
    }
}

/// A capability that a plugin offers.
public struct ProvidedCapability: Sendable {
    /// The key's name.
    public let name: String
    /// The key's version.
    public let version: Int
    /// The value.
    public let value: any Sendable
}

/// A capability that a plugin asks for; decides the order of starts.
public struct CapabilityRequirement: Sendable {
    /// The key's name.
    public let name: String
    /// The key's version.
    public let version: Int
    /// Said to the operator when nobody provides it; `nil` when the plugin can do without.
    public let hint: String?

    /// Start me after the provider, if there is one.
    public static func optional<V>(_ key: CapabilityKey<V>) -> Self {
        CapabilityRequirement(name: key.name, version: key.version, hint: nil)
    }

    /// Without a provider the configuration is refused, with this hint.
    public static func required<V>(_ key: CapabilityKey<V>, orElse hint: String) -> Self {
        CapabilityRequirement(name: key.name, version: key.version, hint: hint)
    }
}

/// Looks up capabilities of enabled plugins; usable from `start` on.
public struct Capabilities: Sendable {
    private let find: @Sendable (_ name: String, _ version: Int) -> (any Sendable)?

    /// Makes a look-up; the host does this, and tests.
    public init(_ find: @escaping @Sendable (_ name: String, _ version: Int) -> (any Sendable)? = { _, _ in nil }) {
        self.find = find
    }

    /// The provider's value; `nil` when no enabled plugin provides it.
    public subscript<V>(key: CapabilityKey<V>) -> V? {
        find(key.name, key.version) as? V
    }
}
