internal import PluginAPI

extension NodeCatalog {
    private static let samplers = [
        "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2", "dpm_2",
        "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp",
        "dpmpp_sde", "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
        "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm", "lcm", "ipndm",
        "ipndm_v", "deis", "res_multistep", "res_multistep_cfg_pp", "res_multistep_ancestral",
        "res_multistep_ancestral_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp", "er_sde", "seeds_2",
        "seeds_3", "sa_solver", "sa_solver_pece", "ddim", "uni_pc", "uni_pc_bh2",
    ]
    private static let schedulers = [
        "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic",
        "kl_optimal",
    ]

    /// The node that takes time.
    private static let sampler = NodeType(
        "KSampler", category: "sampling", work: .sampler,
        "Uses the provided model, positive and negative conditioning to denoise the latent image.",
        outputs: [NodeOutput("LATENT", "The denoised latent.")],
        inputs: [
            .link("model", "MODEL", "The model used for denoising the input latent."),
            .int(
                "seed", default: 0, 0, .number(JSONNumber(UInt64.max)),
                ["control_after_generate": true, "tooltip": "The random seed used for creating the noise."]),
            .int(
                "steps", default: 20, 1, 10000,
                ["tooltip": "The number of steps used in the denoising process."]),
            .float(
                "cfg", default: 8.0, 0.0, 100.0, step: 0.1,
                [
                    "round": 0.01,
                    "tooltip":
                        """
                    The Classifier-Free Guidance scale balances creativity and adherence to the prompt. Higher values \
                    result in images more closely matching the prompt however too high values will negatively \
                    impact quality.
                    """,
                ]),
            NodeInput(
                "sampler_name", .choice(samplers),
                [
                    "tooltip":
                        """
                    The algorithm used when sampling, this can affect the quality, speed, and style of the generated \
                    output.
                    """
                ]),
            NodeInput(
                "scheduler", .choice(schedulers),
                ["tooltip": "The scheduler controls how noise is gradually removed to form the image."]),
            .link(
                "positive", "CONDITIONING",
                "The conditioning describing the attributes you want to include in the image."),
            .link(
                "negative", "CONDITIONING",
                "The conditioning describing the attributes you want to exclude from the image."),
            .link("latent_image", "LATENT", "The latent image to denoise."),
            .float(
                "denoise", default: 1.0, 0.0, 1.0, step: 0.01,
                [
                    "tooltip":
                        """
                    The amount of denoising applied, lower values will maintain the structure of the initial image \
                    allowing for image to image sampling.
                    """
                ]),
        ])

    /// Nodes of a usual text-to-image workflow.
    static let samplingNodes: [NodeType] = [
        sampler,
        NodeType(
            "CLIPTextEncode", "CLIP Text Encode (Prompt)", category: "conditioning", work: .opaque,
            """
            Encodes a text prompt using a CLIP model into an embedding that can be used to guide the diffusion model \
            towards generating specific images.
            """,
            outputs: [
                NodeOutput(
                    "CONDITIONING",
                    "A conditioning containing the embedded text used to guide the diffusion model.")
            ],
            inputs: [
                .string(
                    "text",
                    ["multiline": true, "dynamicPrompts": true, "tooltip": "The text to be encoded."]),
                .link("clip", "CLIP", "The CLIP model used for encoding the text."),
            ]),
        NodeType(
            "EmptyLatentImage", "Empty Latent Image", category: "latent", work: .emptyLatent,
            "Create a new batch of empty latent images to be denoised via sampling.",
            outputs: [NodeOutput("LATENT", "The empty latent image batch.")],
            inputs: [
                .int(
                    "width", default: 512, 16, 16384, step: 8, ["tooltip": "The width of the latent images in pixels."]),
                .int(
                    "height", default: 512, 16, 16384, step: 8,
                    ["tooltip": "The height of the latent images in pixels."]),
                .int("batch_size", default: 1, 1, 4096, ["tooltip": "The number of latent images in the batch."]),
            ]),
        NodeType(
            "VAEDecode", "VAE Decode", category: "latent", work: .decode,
            "Decodes latent images back into pixel space images.",
            outputs: [NodeOutput("IMAGE", "The decoded image.")],
            inputs: [
                .link("samples", "LATENT", "The latent to be decoded."),
                .link("vae", "VAE", "The VAE model used for decoding the latent."),
            ]),
        NodeType(
            "VAEEncode", "VAE Encode", category: "latent", work: .encode, outputs: [NodeOutput("LATENT")],
            inputs: [.link("pixels", "IMAGE"), .link("vae", "VAE")]),
    ]
}
