/// A kind of files that a server has, and the nodes whose choices list them.
struct ModelKind: Sendable {
    /// Its name in answers: what the imitated service calls it, else the folder of ComfyUI's `models`.
    let name: String
    /// Node classes and their inputs; the choices of all of them count.
    let loaders: [(node: String, input: String)]

    /// The four that the imitated service knows, then the others.
    static let all =
        [
            ModelKind("unet", ("UNETLoader", "unet_name")),
            ModelKind("clip", ("CLIPLoader", "clip_name")),
            ModelKind("vae", ("VAELoader", "vae_name")),
            ModelKind("lora", ("LoraLoaderModelOnly", "lora_name")),
            ModelKind("checkpoints", ("CheckpointLoaderSimple", "ckpt_name")),
            ModelKind("controlnet", ("ControlNetLoader", "control_net_name")),
            ModelKind("clip_vision", ("CLIPVisionLoader", "clip_name")),
            ModelKind("style_models", ("StyleModelLoader", "style_model_name")),
            ModelKind("upscale_models", ("UpscaleModelLoader", "model_name")),
            ModelKind("gligen", ("GLIGENLoader", "gligen_name")),
            ModelKind("hypernetworks", ("HypernetworkLoader", "hypernetwork_name")),
            ModelKind("photomaker", ("PhotoMakerLoader", "photomaker_model_name")),
            ModelKind("diffusers", ("DiffusersLoader", "model_path")),
            ModelKind("model_patches", ("ModelPatchLoader", "name")),
            ModelKind("audio_encoders", ("AudioEncoderLoader", "audio_encoder_name")),
            ModelKind(
                "text_encoders", ("CLIPLoader", "clip_name"), ("DualCLIPLoader", "clip_name1"),
                ("DualCLIPLoader", "clip_name2"), ("TripleCLIPLoader", "clip_name1"),
                ("TripleCLIPLoader", "clip_name2"),
                ("TripleCLIPLoader", "clip_name3"), ("QuadrupleCLIPLoader", "clip_name1"),
                ("QuadrupleCLIPLoader", "clip_name2"), ("QuadrupleCLIPLoader", "clip_name3"),
                ("QuadrupleCLIPLoader", "clip_name4")),
            ModelKind("latent_upscale_models", ("LatentUpscaleModelLoader", "model_name")),
            ModelKind("unet_gguf", ("UnetLoaderGGUF", "unet_name")),
            ModelKind("clip_gguf", ("CLIPLoaderGGUF", "clip_name")),
            ModelKind("ipadapter", ("IPAdapterModelLoader", "ipadapter_file")),
            ModelKind("ultralytics", ("UltralyticsDetectorProvider", "model_name")),
        ]

    /// The node classes that have any of the choices.
    static let nodes = Set(all.flatMap { $0.loaders.map(\.node) })

    private init(_ name: String, _ loaders: (node: String, input: String)...) {
        self.name = name
        self.loaders = loaders
    }
}
