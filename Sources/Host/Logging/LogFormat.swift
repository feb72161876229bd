import PluginAPI

/// The shape of a log line.
package enum LogFormat: String, ConfigChoice {
    /// `time level  message  key=value …`, for people.
    case text
    /// One JSON object, for collectors.
    case json
}
