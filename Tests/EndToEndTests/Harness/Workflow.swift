import PluginAPI

/// Graphs in API format that the simulated servers can run.
enum Workflow {
    /// One image of a colour of its own, saved under a prefix.
    static func image(_ prefix: String, color: Int = 0xFF8800, width: Int = 64) -> JSON {
        [
            "1": [
                "class_type": "EmptyImage",
                "inputs": [
                    "width": .number(JSONNumber(width)), "height": 64, "batch_size": 1,
                    "color": .number(JSONNumber(color)),
                ],
            ],
            "9": ["class_type": "SaveImage", "inputs": ["images": ["1", 0], "filename_prefix": .string(prefix)]],
        ]
    }

    /// The same, with a node between that takes its time and tells its progress.
    static func slow(_ prefix: String, seconds: Double, steps: Int = 10, color: Int = 0x0088FF) -> JSON {
        var graph = image(prefix, color: color)
        graph["5"] = [
            "class_type": "LabSleep",
            "inputs": [
                "image": ["1", 0], "seconds": .number(JSONNumber(seconds)), "steps": .number(JSONNumber(steps)),
                "preview": "none", "nonce": .number(JSONNumber(color)),
            ],
        ]
        graph["9"] = ["class_type": "SaveImage", "inputs": ["images": ["5", 0], "filename_prefix": .string(prefix)]]
        return graph
    }

    /// From a text to an image, as a file that people keep: with numbers whose text matters.
    ///
    /// The positive prompt (node 6) comes first in the text, though another number is smaller.
    static func textToImage(_ prefix: String, seconds: Double = 0) -> String {
        """
        {
          "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a bear", "clip": ["4", 1]}, "_meta": {"title": "Bär"}},
          "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["4", 1]}},
          "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "simulated.safetensors"}},
          "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
          "3": {"class_type": "KSampler", "inputs": {"seed": 18446744073709551615, "steps": 2, "cfg": 8.0,
            "sampler_name": "euler", "scheduler": "normal", "denoise": 1e0,
            "model": ["4", 0], "positive": ["6", 0], "negative": ["2", 0], "latent_image": ["5", 0]}},
          "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
          "7": {"class_type": "LabSleep", "inputs": {"image": ["8", 0], "seconds": \(seconds), "steps": 4,
            "preview": "none", "nonce": 1}},
          "9": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "\(prefix)"}}
        }
        """
    }
}
