import ComfyUI
import PluginAPI

extension BodyForm {
    /// A user name for Basic authentication; absent and null give `nil`.
    mutating func username(_ key: String) -> String? {
        guard let text = string(key) else { return nil }
        if let problem = CredentialParts.problem(ofUsername: text) { reject(key, problem) }
        return text
    }

    /// A password for Basic authentication, which no refusal repeats; absent and null give `nil`.
    mutating func password(_ key: String) -> Secret? {
        guard let text = string(key, isSecret: true) else { return nil }
        if let problem = CredentialParts.problem(ofPassword: text) { reject(key, problem, isSecret: true) }
        return Secret(text)
    }
}
