// Compares parsing and printing of workflows with jansson: `swift run -c release` in this folder.
import CJansson
import Glibc
import PluginAPI

/// Nodes as the ComfyUI front end sends them.
func workflow(nodes: Int) -> [UInt8] {
    var text = "{"
    for id in 1...nodes {
        if id > 1 { text += ", " }
        text += """
            "\(id)": {"inputs": {"seed": \(UInt64(id) &* 0x9E37_79B9_7F4A_7C15), "steps": 20, "cfg": 8.0, \
            "sampler_name": "dpmpp_2m_sde_gpu", "scheduler": "karras", "denoise": 0.65, \
            "text": "a photo of a mountain lake at dawn, mist, \\"golden hour\\", 35mm, f/1.8, highly detailed", \
            "model": ["\(max(1, id - 1))", 0], "positive": ["6", 0], "negative": ["7", 0]}, \
            "class_type": "KSampler", "_meta": {"title": "KSampler \(id)"}}
            """
    }
    return Array((text + "}").utf8)
}

func best(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    var best = Double.infinity
    let end = clock.now + .milliseconds(600)
    while clock.now < end {
        let time = clock.measure { for _ in 0..<10 { body() } }
        best = min(best, Double(time.components.attoseconds) / 1e12 / 10)
    }
    return best
}

func report(_ name: String, _ bytes: [UInt8]) {
    guard let ours = try? JSON(parsing: bytes) else { return print(name, "is not JSON") }
    let parse = best { _ = try? JSON(parsing: bytes) }
    let dump = best { _ = ours.serialized() }
    var error = json_error_t()
    let flags = Int(JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)
    let load = { bytes.withUnsafeBytes { json_loadb($0.baseAddress, $0.count, flags, &error) } }
    let theirs = load()
    let theirParse = best { json_delete(load()) }
    let theirDump = best { free(json_dumps(theirs, Int(JSON_COMPACT | JSON_ENCODE_ANY))) }
    func column(_ value: Double) -> String {
        String(Int(value * 10 + 0.5) / 10) + "." + String(Int(value * 10 + 0.5) % 10)
    }
    print(
        "\(name): \(bytes.count) bytes; parse \(column(parse)) µs, jansson \(column(theirParse)) (\(column(theirParse / parse))x); "
            + "dump \(column(dump)) µs, jansson \(column(theirDump)) (\(column(theirDump / dump))x)")
}

report("workflow", workflow(nodes: 45))
let chinese = String(decoding: workflow(nodes: 45), as: UTF8.self)
    .split(separator: "a photo of a mountain lake at dawn").joined(separator: "黎明时分的高山湖泊，薄雾，黄金时刻")
report("workflow with Chinese prompts", Array(chinese.utf8))
report("workflow of 900 nodes", workflow(nodes: 900))
