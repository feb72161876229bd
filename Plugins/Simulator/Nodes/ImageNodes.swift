internal import PluginAPI

extension NodeCatalog {
    private static let prompt = NodeInput.hidden("prompt", "PROMPT")
    private static let pngInfo = NodeInput.hidden("extra_pnginfo", "EXTRA_PNGINFO")
    private static let scaling: NodeInput.Kind = .choice(["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])

    /// Nodes that make, load, change and save images.
    static let imageNodes: [NodeType] = [
        NodeType(
            "EmptyImage", category: "image", work: .emptyImage, outputs: [NodeOutput("IMAGE")],
            inputs: [
                .int("width", default: 512, 1, 16384, step: 1), .int("height", default: 512, 1, 16384, step: 1),
                .int("batch_size", default: 1, 1, 4096),
                .int("color", default: 0, 0, 0xFFFFFF, step: 1, ["display": "color"]),
            ]),
        NodeType(
            "SaveImage", "Save Image", category: "image", work: .saveImage,
            "Saves the input images to your ComfyUI output directory.", isOutput: true,
            inputs: [
                .link("images", "IMAGE", "The images to save."),
                .string(
                    "filename_prefix",
                    [
                        "default": "ComfyUI",
                        "tooltip":
                            """
                        The prefix for the file to save. This may include formatting information such as \
                        %date:yyyy-MM-dd% or %Empty Latent Image.width% to include values from nodes.
                        """,
                    ]),
                prompt, pngInfo,
            ]),
        NodeType(
            "PreviewImage", "Preview Image", category: "image", work: .previewImage,
            "Saves the input images to your ComfyUI output directory.", isOutput: true,
            inputs: [.link("images", "IMAGE"), prompt, pngInfo]),
        NodeType(
            "LoadImage", "Load Image", category: "image", work: .loadImage,
            outputs: [NodeOutput("IMAGE"), NodeOutput("MASK")],
            inputs: [NodeInput("image", .inputImage, ["image_upload": true])]),
        NodeType(
            "LoadImageMask", "Load Image (as Mask)", category: "mask", work: .loadImage, outputs: [NodeOutput("MASK")],
            inputs: [
                NodeInput("image", .inputImage, ["image_upload": true]),
                NodeInput("channel", .choice(["alpha", "red", "green", "blue"])),
            ]),
        NodeType(
            "ImageInvert", "Invert Image", category: "image", work: .invert, outputs: [NodeOutput("IMAGE")],
            inputs: [.link("image", "IMAGE")]),
        NodeType(
            "ImageScale", "Upscale Image", category: "image/upscaling", work: .scale, outputs: [NodeOutput("IMAGE")],
            inputs: [
                .link("image", "IMAGE"), NodeInput("upscale_method", scaling),
                .int("width", default: 512, 0, 16384, step: 1), .int("height", default: 512, 0, 16384, step: 1),
                NodeInput("crop", .choice(["disabled", "center"])),
            ]),
        NodeType(
            "ImageBlur", "Image Blur", category: "image/postprocessing", work: .pass("image"),
            module: "comfy_extras.nodes_post_processing", outputs: [NodeOutput("IMAGE")],
            inputs: [
                .link("image", "IMAGE"), .int("blur_radius", default: 1, 1, 31, step: 1),
                .float("sigma", default: 1.0, 0.1, 10.0, step: 0.1),
            ]),
        NodeType(
            "UpscaleModelLoader", "Load Upscale Model", category: "loaders", work: .opaque,
            module: "comfy_extras.nodes_upscale_model", isV3: true, outputs: [NodeOutput("UPSCALE_MODEL")],
            inputs: [NodeInput("model_name", .model("upscale_models"), ["multiselect": false], isV3: true)]),
        NodeType(
            "ImageUpscaleWithModel", "Upscale Image (using Model)", category: "image/upscaling", work: .upscale,
            module: "comfy_extras.nodes_upscale_model", isV3: true, outputs: [NodeOutput("IMAGE")],
            inputs: [
                NodeInput("upscale_model", .named("UPSCALE_MODEL"), showsOptions: true),
                NodeInput("image", .named("IMAGE"), showsOptions: true),
            ]),
        NodeType(
            "GetImageSize", "Get Image Size", category: "image", work: .imageSize,
            "Returns width and height of the image, and passes it through unchanged.",
            module: "comfy_extras.nodes_images",
            outputs: ["width", "height", "batch_size"].map { NodeOutput("INT", name: $0) },
            inputs: [.link("image", "IMAGE"), .hidden("unique_id", "UNIQUE_ID")]),
    ]
}
