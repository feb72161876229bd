/// Where ComfyUI-Manager saves a model, and by which name ComfyUI's loaders know it then.
struct ModelPlace {
    /// Why a model has no place.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    /// The folder below `models`.
    let folder: String
    /// The path below that folder: what the lists of a loader show.
    let fileName: String

    /// The folder of LoRAs.
    static let loras = "loras"

    /// The kind of the model in the catalog: the word of the server information where that has one of its own, else the folder.
    var modelType: String { Self.types[folder] ?? folder }

    /// Works out the place of an entry.
    init(type: String, savePath: String, file: String) throws(Problem) {
        guard !file.hasPrefix("<") else {
            throw Problem(description: "It is a whole repository (\(file)), not a file.")
        }
        guard !file.isEmpty, !file.contains(where: { "/\\:".contains($0) }) else {
            throw Problem(description: "filename: Input should be a file name.")
        }
        let path = savePath == "default" ? Self.folders[type.lowercased()] ?? Self.otherFolder : savePath
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        guard let first = parts.first, !path.hasPrefix("/"), !path.contains(where: { "\\:".contains($0) }),
            !parts.contains("..")
        else { throw Problem(description: "save_path: Input should be a folder below models.") }
        folder = String(first)
        fileName = (parts.dropFirst() + [file[...]]).joined(separator: "/")
    }

    private static let otherFolder = "etc"

    /// The folder of each type whose entries have no `save_path`, as ComfyUI-Manager has it.
    private static let folders = [
        "checkpoint": "checkpoints", "checkpoints": "checkpoints", "unclip": "checkpoints",
        "clip": "text_encoders", "text_encoders": "text_encoders", "vae": "vae", "lora": loras,
        "t2i-adapter": "controlnet", "t2i-style": "controlnet", "controlnet": "controlnet",
        "clip_vision": "clip_vision", "gligen": "gligen", "upscale": "upscale_models",
        "embedding": "embeddings", "embeddings": "embeddings", "unet": "diffusion_models",
        "diffusion_model": "diffusion_models",
    ]

    private static let types = [
        "diffusion_models": "unet", "text_encoders": "clip", loras: "lora", "t2i_adapter": "controlnet",
        otherFolder: "other",
    ]
}
