public import PluginAPI

/// The settings of the simulator: speed, faults and sicknesses, all changeable while it runs.
public struct SimulatorConfiguration: ConfigurationSection {
    /// What happens to a client that does not read its WebSocket messages.
    public enum SlowReaders: String, ConfigChoice {
        /// The socket is closed, the others are not disturbed.
        case drop
        /// Nobody gets messages until it reads or goes away, as the real server behaves.
        case block
    }

    var name: String
    var outputDirectory: String?
    var runLog: String?
    var stepDelay: Duration
    var nodeDelay: Duration
    var sleepScale: Double
    var steps: Int
    var previews: Bool
    var failRate: Double
    var seed: Int
    var hang: Bool
    var deadWorker: Bool
    var poison: Bool
    var refusePrompts: Bool
    var dropPromptAnswers: Double
    var answerDelay: Duration
    var down: Bool
    var user: String
    var password: Secret
    var bigFileBytes: ByteCount
    var slowReaders: SlowReaders
    var socketBuffer: Int
    var exampleImage: Bool
    var checkpoints: [String]
    var loras: [String]
    var vaes: [String]
    var upscaleModels: [String]
    var unets: [String]
    var clips: [String]
    var embeddings: [String]
    var hiddenNodes: [String]
    var extraNodes: [String]

    /// Reads the section.
    public init(_ config: inout ConfigReader) {
        name = config.value("name", default: "simulator", "Shown by /simulator/state and as the device's name.")
        outputDirectory = config.optional(
            "output_directory", as: String.self,
            "Folder of the saved images; the plugin's own data folder when absent. Outputs survive a restart.")
        runLog = config.optional(
            "run_log", as: String.self,
            "File that gets a line for each prompt that is accepted, starts or ends; it is never emptied.")
        stepDelay = config.value("step_delay", default: .zero, "Time that each progress step of a sampler takes.")
        nodeDelay = config.value("node_delay", default: .zero, "Time that each node takes besides its steps.")
        sleepScale = config.value(
            "sleep_scale", default: 1, in: 0...1000, "Factor on the seconds that LabSleep, LabAsync and LabExpand wait."
        )
        steps = config.value(
            "steps", default: 0, in: 0...10_000, "Progress steps of every sampler; 0 takes them from the workflow.")
        previews = config.value("previews", default: true, "Whether steps send preview images.")
        failRate = config.value("fail_rate", default: 0, in: 0...1, "Share of jobs that fail at one of their nodes.")
        seed = config.value(
            "seed", default: 0, "Seed of everything random, ids included; 0 means different in every run.")
        hang = config.value("hang", default: false, "Jobs start and never finish.")
        deadWorker = config.value("dead_worker", default: false, "Jobs are accepted and never start.")
        poison = config.value(
            "poison", default: true, "Whether requests that break the real server have that effect here.")
        refusePrompts = config.value("refuse_prompts", default: false, "POST /prompt answers 500.")
        dropPromptAnswers = config.value(
            "drop_prompt_answers", default: 0, in: 0...1,
            "Share of accepted prompts whose connection is closed without an answer.")
        answerDelay = config.value("answer_delay", default: .zero, "Time that every answer is held back.")
        down = config.value("down", default: false, "Every request is closed without an answer.")
        user = config.value("user", default: "", "User name that Basic authentication asks for; empty asks for none.")
        password = config.value("password", default: Secret(""), "Password of that user.")
        bigFileBytes = config.value(
            "big_file_bytes", default: ByteCount(0),
            "Size of the virtual output file big.bin, which /view streams; 0 has none.")
        slowReaders = config.value(
            "slow_readers", default: .drop, "What happens to a WebSocket client that does not read.")
        socketBuffer = config.value(
            "socket_buffer", default: 4096, in: 1...1_000_000, "Messages kept for one client before it counts as slow.")
        exampleImage = config.value(
            "example_image", default: true, "Puts example.png into the input folder, as an installation has it.")
        checkpoints = config.value("checkpoints", default: ["simulated.safetensors"], "Names of the checkpoints.")
        loras = config.value("loras", default: ["simulated-lora.safetensors"], "Names of the LoRAs.")
        vaes = config.value("vaes", default: ["simulated-vae.safetensors"], "Names of the VAEs.")
        upscaleModels = config.value(
            "upscale_models", default: ["lab-tiny-x2.safetensors"], "Names of the upscale models.")
        unets = config.value("unets", default: ["simulated-unet.safetensors"], "Names of the diffusion models.")
        clips = config.value("clips", default: ["simulated-clip.safetensors"], "Names of the text encoders.")
        embeddings = config.value("embeddings", default: [], "Names of the embeddings, without extension.")
        hiddenNodes = config.value("hidden_nodes", default: [], "Node classes that this server does not have.")
        extraNodes = config.value(
            "extra_nodes", default: [], "Node classes that it has besides, as if custom nodes were installed.")
    }

    /// The names of the models in a folder of `/models`.
    func models(in folder: String) -> [String] {
        switch folder {
        case "checkpoints": checkpoints
        case "loras": loras
        case "vae": vaes
        case "upscale_models": upscaleModels
        case "diffusion_models": unets
        case "text_encoders": clips
        case "embeddings": embeddings
        default: []
        }
    }
}

extension SimulatorConfiguration {
    /// The settings as they would stand in a file; secrets only when they are asked for.
    func values(withSecrets: Bool) -> JSONObject {
        var values: JSONObject = [
            "name": .string(name), "step_delay": .string(stepDelay.configText),
            "node_delay": .string(nodeDelay.configText), "sleep_scale": .number(JSONNumber(sleepScale)),
            "steps": .number(JSONNumber(steps)), "previews": .bool(previews),
            "fail_rate": .number(JSONNumber(failRate)), "seed": .number(JSONNumber(seed)), "hang": .bool(hang),
            "dead_worker": .bool(deadWorker), "poison": .bool(poison), "refuse_prompts": .bool(refusePrompts),
            "drop_prompt_answers": .number(JSONNumber(dropPromptAnswers)),
            "answer_delay": .string(answerDelay.configText), "down": .bool(down), "user": .string(user),
            "big_file_bytes": .number(JSONNumber(bigFileBytes.bytes)),
            "slow_readers": .string(slowReaders.rawValue), "socket_buffer": .number(JSONNumber(socketBuffer)),
            "example_image": .bool(exampleImage), "checkpoints": .strings(checkpoints), "loras": .strings(loras),
            "vaes": .strings(vaes), "upscale_models": .strings(upscaleModels), "unets": .strings(unets),
            "clips": .strings(clips), "embeddings": .strings(embeddings),
            "hidden_nodes": .strings(hiddenNodes), "extra_nodes": .strings(extraNodes),
        ]
        if let runLog { values["run_log"] = .string(runLog) }
        if let outputDirectory { values["output_directory"] = .string(outputDirectory) }
        if withSecrets { password.withExposed { values["password"] = .string($0) } }
        return values
    }

    /// The settings with some of them changed.
    ///
    /// - Returns: What is wrong instead, when anything is.
    func changed(by changes: JSONObject) -> (settings: SimulatorConfiguration, problems: [String]) {
        var merged = values(withSecrets: true)
        for (key, value) in changes { merged[key] = value }
        var reader = ConfigReader(values: merged)
        let settings = SimulatorConfiguration(&reader)
        return (settings, reader.finished().problems.map(\.description))
    }
}

extension JSON {
    /// An array of strings.
    static func strings(_ items: [String]) -> JSON {
        .array(items.map { .string($0) })
    }
}
