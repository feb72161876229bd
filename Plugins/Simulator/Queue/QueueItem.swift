internal import PluginAPI

/// A queued prompt: ComfyUI's tuple `(number, prompt_id, prompt, extra_data, outputs_to_execute)`.
struct QueueItem: Sendable {
    /// As it is printed: an integer from the counter, or a float that the client gave.
    var number: JSONNumber
    var promptID: String
    let prompt: JSONObject
    /// The prompt as Python prints it: images, queue and history show it, so it is printed once.
    let promptText: [UInt8]
    var extraData: JSON
    var outputs: [String]
    /// The number as it is compared; may be NaN.
    let priority: Double

    init(number: JSONNumber, promptID: String, prompt: JSONObject, extraData: JSON, outputs: [String]) {
        self.number = number
        self.promptID = promptID
        self.prompt = prompt
        promptText = JSON.object(prompt).serialized(.spaced)
        self.extraData = extraData
        self.outputs = outputs
        priority = number.double ?? 0
    }

    /// The tuple as `/queue` shows it.
    var tuple: [UInt8] {
        tuple(with: extraData)
    }

    /// The tuple as `/history` shows it: without the keys of accounts.
    var publicTuple: [UInt8] {
        var extraData = extraData
        for key in ["api_key_comfy_org", "auth_token_comfy_org"] where extraData[key] != nil { extraData[key] = nil }
        return tuple(with: extraData)
    }

    /// Who gets the messages of this job.
    var submitter: Submitter {
        guard let id = extraData["client_id"], !id.isNull else { return .nobody }
        guard let text = id.stringValue, !text.isEmpty else { return .unreachable }
        return .client(text)
    }

    private func tuple(with extraData: JSON) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        bytes.reserveCapacity(promptText.count + 512)
        JSON.number(number).write(to: &bytes, style: .spaced)
        bytes += ", ".utf8
        JSON.string(promptID).write(to: &bytes, style: .spaced)
        bytes += ", ".utf8
        bytes += promptText
        for value in [extraData, .strings(outputs)] {
            bytes += ", ".utf8
            value.write(to: &bytes, style: .spaced)
        }
        bytes.append(UInt8(ascii: "]"))
        return bytes
    }
}

/// Who submitted a job, as far as its messages are concerned.
enum Submitter: Sendable, Equatable {
    /// No `client_id`: some messages go to everybody, the others to nobody.
    case nobody
    /// The socket registered under this id at the moment of sending.
    case client(String)
    /// A `client_id` that no socket can have.
    case unreachable
}

extension QueueItem {
    /// Two entries of one number and one id whose prompts differ cannot be ordered.
    struct NotComparable: Error {}

    /// Python's comparison of the tuples.
    func isLess(than other: QueueItem) throws(NotComparable) -> Bool {
        if priority != other.priority { return priority < other.priority }
        if promptID.utf8.elementsEqual(other.promptID.utf8) {
            guard prompt == other.prompt, extraData == other.extraData else { throw NotComparable() }
            return outputs.lexicographicallyPrecedes(other.outputs)
        }
        return promptID.unicodeScalars.lexicographicallyPrecedes(other.promptID.unicodeScalars)
    }
}
