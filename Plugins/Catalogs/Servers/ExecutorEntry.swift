import ComfyUI
import PluginAPI

/// A server as the configuration lists it: one with an address of its own, or another id for a worker.
struct ExecutorEntry: ConfigurationSection {
    /// What `executorId` calls it.
    let id: String
    /// A name for people; `nil` leaves it to the id, or to the worker.
    let name: String?
    /// Of what kind it is; only `comfyui` is asked anything.
    let type: String
    /// Its base URL in one spelling; `nil` when it has none.
    let baseURL: String?
    /// Whether it counts when all servers are asked.
    let isActive: Bool
    /// What a reverse proxy before it asks for.
    let credentials: CredentialParts
    /// The id or name of the worker that it stands for; empty when it has an address of its own.
    let worker: String

    /// The longest id in characters.
    static let longestID = 64

    init(_ config: inout ConfigReader) {
        id = config.required("id", example: "executor_comfyui_1", "What executorId calls it.") {
            $0.isEmpty || $0.unicodeScalars.count > Self.longestID || $0.contains(",")
                ? "expected 1 to \(Self.longestID) characters without comma" : nil
        }
        let name = config.value("name", default: "", "A name for people; the id, or the worker's, when absent.")
        self.name = name.isEmpty ? nil : name
        type = config.value("type", default: "comfyui", "Of what kind it is; only comfyui is asked anything.")
        let url = config.value(
            "base_url", default: "", "Its base URL; without one, and without a worker, it cannot be asked anything."
        ) {
            $0.isEmpty || ServerURL($0) != nil
                ? nil : "expected an http or https URL without credentials, query and fragment"
        }
        baseURL = ServerURL(url)?.text
        let status = config.value(
            "status", default: "active", "active, or another word: then it is left out when all servers are asked.")
        isActive = status == "active"
        credentials = config.credentials("auth_username", "auth_password", "User name for Basic authentication.")
        worker = config.value(
            "worker", default: "", "The id or name of a gateway's worker that this id stands for; ranks above base_url."
        )
    }

    /// Whether it is a ComfyUI server.
    var isComfyUI: Bool { type.lowercased() == "comfyui" }
}
