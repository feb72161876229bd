import PluginAPI

/// The tables of the gateway; append-only.
enum GatewayMigrations {
    /// All steps in order.
    static let all: [Migration] = [
        Migration("001-workers") { dialect in
            [
                """
                CREATE TABLE gateway_workers (
                    id \(unsafe: key(dialect)) NOT NULL PRIMARY KEY, position BIGINT NOT NULL, url TEXT NOT NULL,
                    name TEXT NOT NULL, weight BIGINT NOT NULL, enabled INTEGER NOT NULL, removed INTEGER NOT NULL,
                    auth_username TEXT, auth_password_sealed TEXT, created_at BIGINT NOT NULL)
                """
            ]
        },
        Migration("002-jobs") { dialect in
            [
                """
                CREATE TABLE gateway_jobs (
                    prompt_id \(unsafe: key(dialect)) NOT NULL PRIMARY KEY, gateway_job_id \(unsafe: key(dialect)),
                    client_id TEXT, state VARCHAR(16) NOT NULL, worker_id VARCHAR(64), worker_prompt_id TEXT,
                    attempts INTEGER NOT NULL, revision INTEGER NOT NULL, node_count INTEGER NOT NULL,
                    fingerprint VARCHAR(64) NOT NULL, number TEXT, node_errors TEXT, error TEXT,
                    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, submitted_at BIGINT, finished_at BIGINT)
                """,
                "CREATE INDEX gateway_jobs_state ON gateway_jobs (state, created_at)",
                "CREATE UNIQUE INDEX gateway_jobs_gateway_id ON gateway_jobs (gateway_job_id)",
                """
                CREATE TABLE gateway_submissions (
                    prompt_id \(unsafe: key(dialect)) NOT NULL PRIMARY KEY, body \(unsafe: dialect.longBlob) NOT NULL)
                """,
                """
                CREATE TABLE gateway_results (
                    prompt_id \(unsafe: key(dialect)) NOT NULL PRIMARY KEY, history \(unsafe: dialect.longBlob) NOT NULL)
                """,
            ]
        },
        Migration("003-queue") { dialect in
            [
                "ALTER TABLE gateway_jobs ADD COLUMN caller \(unsafe: key(dialect)) NOT NULL DEFAULT ''",
                "ALTER TABLE gateway_jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE gateway_jobs ADD COLUMN place DOUBLE NOT NULL DEFAULT 0",
                "ALTER TABLE gateway_jobs ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE gateway_jobs ADD COLUMN started_at BIGINT",
                "CREATE INDEX gateway_jobs_sequence ON gateway_jobs (sequence)",
                "CREATE INDEX gateway_jobs_finished ON gateway_jobs (finished_at)",
                """
                CREATE TABLE gateway_events (
                    id \(unsafe: dialect.autoIncrementKey), prompt_id \(unsafe: key(dialect)) NOT NULL,
                    at BIGINT NOT NULL, state VARCHAR(16) NOT NULL, actor VARCHAR(220) NOT NULL, worker_id VARCHAR(64),
                    reason TEXT NOT NULL, details \(unsafe: dialect.longText))
                """,
                "CREATE INDEX gateway_events_prompt ON gateway_events (prompt_id)",
                """
                CREATE TABLE gateway_copies (
                    prompt_id \(unsafe: key(dialect)) NOT NULL, worker_id VARCHAR(64) NOT NULL,
                    id_on_worker TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (prompt_id, worker_id))
                """,
            ]
        },
        Migration(
            "004-settings",
            """
            CREATE TABLE gateway_settings (
                name VARCHAR(64) NOT NULL PRIMARY KEY, value TEXT NOT NULL, sealed INTEGER NOT NULL)
            """),
        Migration("005-clients") { dialect in
            guard dialect.name == "mysql" else {
                return ["CREATE INDEX gateway_jobs_client ON gateway_jobs (client_id, sequence)"]
            }
            // Compared byte by byte there too; of a text, the beginning can be in an index.
            return [
                """
                ALTER TABLE gateway_jobs MODIFY client_id TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
                """,
                "CREATE INDEX gateway_jobs_client ON gateway_jobs (client_id(64), sequence)",
            ]
        },
    ]

    /// The type of columns that hold prompt ids: compared byte by byte, so that `A` and `a` differ on MySQL too.
    private static func key(_ dialect: SQLDialect) -> String {
        dialect.name == "mysql" ? "VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" : "VARCHAR(200)"
    }
}
