/// The version of this source tree, as `comfyd version` and `/metrics` tell it.
public enum Version {
    /// Semantic Versioning 2.0.
    public static let current = "0.1.0"
}
