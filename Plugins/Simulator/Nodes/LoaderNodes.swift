internal import PluginAPI

extension NodeCatalog {
    private static let loraDescription =
        """
        LoRAs are used to modify diffusion and CLIP models, altering the way in which latents are denoised such as \
        applying styles. Multiple LoRA nodes can be linked together.
        """
    private static let modified = NodeOutput("MODEL", "The modified diffusion model.")

    /// A class that inherits the two tooltips of LoraLoader for its one output.
    private static let loraForModel: NodeType = {
        var type = NodeType(
            "LoraLoaderModelOnly", category: "loaders", work: .opaque, loraDescription, outputs: [modified],
            inputs: [
                .link("model", "MODEL"), NodeInput("lora_name", .model("loras")),
                .float("strength_model", default: 1.0, -100.0, 100.0, step: 0.01),
            ])
        type.inheritedTooltips = ["The modified diffusion model.", "The modified CLIP model."]
        return type
    }()

    private static let clipTypes = [
        "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart", "cosmos", "lumina2",
        "wan", "hidream", "chroma", "ace", "omnigen2", "qwen_image", "hunyuan_image",
    ]
    private static let clipRecipes =
        """
        [Recipes]

        stable_diffusion: clip-l
        stable_cascade: clip-g
        sd3: t5 xxl/ clip-g / clip-l
        stable_audio: t5 base
        mochi: t5 xxl
        cosmos: old t5 xxl
        lumina2: gemma 2 2B
        wan: umt5 xxl
         hidream: llama-3.1 (Recommend) or t5
        omnigen2: qwen vl 2.5 3B
        """

    /// Nodes that load models.
    static let loaderNodes: [NodeType] = [
        NodeType(
            "CheckpointLoaderSimple", "Load Checkpoint", category: "loaders", work: .opaque,
            "Loads a diffusion model checkpoint, diffusion models are used to denoise latents.",
            outputs: [
                NodeOutput("MODEL", "The model used for denoising latents."),
                NodeOutput("CLIP", "The CLIP model used for encoding text prompts."),
                NodeOutput("VAE", "The VAE model used for encoding and decoding images to and from latent space."),
            ],
            inputs: [
                NodeInput(
                    "ckpt_name", .model("checkpoints"), ["tooltip": "The name of the checkpoint (model) to load."])
            ]),
        NodeType(
            "LoraLoader", "Load LoRA", category: "loaders", work: .opaque, loraDescription,
            outputs: [modified, NodeOutput("CLIP", "The modified CLIP model.")],
            inputs: [
                .link("model", "MODEL", "The diffusion model the LoRA will be applied to."),
                .link("clip", "CLIP", "The CLIP model the LoRA will be applied to."),
                NodeInput("lora_name", .model("loras"), ["tooltip": "The name of the LoRA."]),
                .float(
                    "strength_model", default: 1.0, -100.0, 100.0, step: 0.01,
                    ["tooltip": "How strongly to modify the diffusion model. This value can be negative."]),
                .float(
                    "strength_clip", default: 1.0, -100.0, 100.0, step: 0.01,
                    ["tooltip": "How strongly to modify the CLIP model. This value can be negative."]),
            ]),
        loraForModel,
        NodeType(
            "VAELoader", "Load VAE", category: "loaders", work: .opaque, outputs: [NodeOutput("VAE")],
            inputs: [NodeInput("vae_name", .model("vae"))]),
        NodeType(
            "UNETLoader", "Load Diffusion Model", category: "advanced/loaders", work: .opaque,
            outputs: [NodeOutput("MODEL")],
            inputs: [
                NodeInput("unet_name", .model("diffusion_models")),
                NodeInput("weight_dtype", .choice(["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"])),
            ]),
        NodeType(
            "CLIPLoader", "Load CLIP", category: "advanced/loaders", work: .opaque, clipRecipes,
            outputs: [NodeOutput("CLIP")],
            inputs: [
                NodeInput("clip_name", .model("text_encoders")), NodeInput("type", .choice(clipTypes)),
                NodeInput("device", .choice(["default", "cpu"]), ["advanced": true], group: .optional),
            ]),
    ]

    /// Nodes that hold or show single values.
    static let valueNodes: [NodeType] = [
        NodeType(
            "PrimitiveInt", "Int", category: "utils/primitive", work: .value("value"),
            module: "comfy_extras.nodes_primitive",
            isV3: true, outputs: [NodeOutput("INT")],
            inputs: [
                .int("value", -9_223_372_036_854_775_807, 9_223_372_036_854_775_807, ["control_after_generate": true])
            ]),
        NodeType(
            "PrimitiveFloat", "Float", category: "utils/primitive", work: .value("value"),
            module: "comfy_extras.nodes_primitive", isV3: true, outputs: [NodeOutput("FLOAT")],
            inputs: [.float("value", -9_223_372_036_854_775_807, 9_223_372_036_854_775_807)]),
        NodeType(
            "PrimitiveString", "String", category: "utils/primitive", work: .value("value"),
            module: "comfy_extras.nodes_primitive", isV3: true, outputs: [NodeOutput("STRING")],
            inputs: [.string("value", ["multiline": false])]),
        NodeType(
            "PrimitiveBoolean", "Boolean", category: "utils/primitive", work: .value("value"),
            module: "comfy_extras.nodes_primitive", isV3: true, outputs: [NodeOutput("BOOLEAN")],
            inputs: [NodeInput("value", .named("BOOLEAN"), showsOptions: true)]),
        NodeType(
            "PreviewAny", "Preview Any", category: "utils", work: .showAnything,
            module: "comfy_extras.nodes_preview_any",
            isOutput: true, inputs: [NodeInput("source", .named("*"), showsOptions: true)]),
    ]
}
