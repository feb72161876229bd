package import PluginAPI

/// The host's own tables.
package enum HostSchema {
    /// Run as those of a plugin with this name.
    package static let plugin = "comfyd"

    /// The migrations in order.
    package static let migrations = [
        Migration("001-api-keys") { dialect in
            [
                """
                CREATE TABLE comfyd_api_keys (
                    id VARCHAR(32) NOT NULL PRIMARY KEY,
                    name VARCHAR(200) NOT NULL,
                    prefix VARCHAR(40) NOT NULL,
                    hash CHAR(64) NOT NULL,
                    scopes \(unsafe: dialect.longText) NOT NULL,
                    created_at BIGINT NOT NULL,
                    expires_at BIGINT,
                    revoked_at BIGINT,
                    last_used_at BIGINT,
                    rate_limit BIGINT
                )
                """
            ]
        }
    ]
}
