import PluginAPI

/// The plugin's section of the configuration.
struct WorkflowsConfiguration: ConfigurationSection {
    /// The folder of the named workflows, as written.
    let directory: String
    /// Where the `url` of a file leads.
    let imageURLs: ImageURLStyle
    /// How long a prompt may be executed before its WebSocket client is told `TASK_TIMEOUT`; zero for ever.
    let timeout: Duration
    /// The largest uploaded file.
    let uploadLimit: ByteCount
    /// How long a result is kept for a WebSocket client that is away.
    let replayWindow: Duration
    /// What `GET /` and `GET /health` call the service.
    let appName: String
    /// The version that `GET /` tells; the daemon's when empty.
    let appVersion: String

    init(_ config: inout ConfigReader) {
        directory = config.value(
            "directory", default: "./workflows", "The folder of the named workflows: one NAME.json each.")
        imageURLs = config.value(
            "image_urls", default: .daemon, environment: "IMAGE_URLS",
            "Where the url of a file leads: daemon (works for everybody) or direct (to the ComfyUI server).")
        timeout = config.value(
            "timeout", default: .seconds(300), in: .zero ... .seconds(2_592_000), environment: "COMFYUI_TIMEOUT",
            "How long a prompt may be executed before its WebSocket client is told TASK_TIMEOUT; 0 for ever.")
        uploadLimit = config.value(
            "upload_limit", default: ByteCount(50 << 20), in: ByteCount(1)...ByteCount(1 << 40),
            "The largest uploaded file; limits.upload of the daemon counts too.")
        replayWindow = config.value(
            "replay_window", default: .seconds(3600), in: .zero ... .seconds(2_592_000),
            "How long a result is kept for a WebSocket client that is away.")
        appName = config.value(
            "app_name", default: "comfyd", environment: "APP_NAME", "What GET / and GET /health call the service.")
        appVersion = config.value(
            "app_version", default: "", environment: "APP_VERSION",
            "The version that GET / tells; the daemon's own when empty.")
    }
}

/// Where the `url` of a file leads.
enum ImageURLStyle: String, ConfigChoice {
    /// To this daemon, which fetches the file from its server.
    case daemon
    /// To the ComfyUI server itself, as the imitated services have it.
    case direct
}
