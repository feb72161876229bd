internal import PluginAPI

/// Does the work of one node.
struct NodeRunner {
    let job: JobRun
    let id: String
    let type: NodeType
    let inputs: [String: NodeValue]

    /// Runs the node.
    func run() async throws(JobRun.Stop) -> NodeResult {
        switch type.work {
        case .saveImage, .previewImage: return try save()
        case .loadImage: return try load()
        case .sampler: return try await sample()
        case .sleep: return try await sleep()
        case .expand: return try await expand()
        case .upscale: return try await upscale()
        case .raise: throw .failed(PythonError("ValueError", text("message")))
        case .text:
            let message = SocketMessage.text(text("text"), node: id)
            job.server.hub.send(.submitterOrEveryone(job.submitter), message)
            return NodeResult(ui: ["text": [.string(text("text"))]])
        case .imageSize:
            let size = picture("image")
            let words = "width: \(size.width), height: \(size.height)\n batch size: \(size.count)"
            // The real node shows it to everybody.
            job.server.hub.send(.everyone, SocketMessage.text(words, node: id))
            return NodeResult(values: [size.width, size.height, size.count].map { .json(.number(JSONNumber($0))) })
        case .showAnything:
            return NodeResult(ui: ["text": [.string(inputs["source"]?.text ?? "None")]])
        default: return NodeResult(values: simpleValues())
        }
    }

    /// The values of nodes that only compute.
    private func simpleValues() -> [NodeValue] {
        switch type.work {
        case .emptyImage:
            let colour = UInt32(truncatingIfNeeded: number("color", 0))
            return [image(fill: .solid(colour & 0xFFFFFF))]
        case .emptyLatent: return [image(fill: .pattern(0))]
        case .invert:
            var picture = picture("image")
            picture.isInverted.toggle()
            return [.picture(picture)]
        case .scale: return [.picture(scaled())]
        case .decode: return [.picture(picture("samples"))]
        case .encode: return [.picture(picture("pixels"))]
        case .value(let name), .pass(let name): return [inputs[name] ?? .opaque("NoneType")]
        case .block:
            let isSilent = inputs["silent"]?.json == true
            return [.blocked(isSilent ? nil : text("message"))]
        default: return type.outputs.map { .opaque($0.type) }
        }
    }

    private func image(fill: Picture.Fill) -> NodeValue {
        .picture(
            Picture(
                width: number("width", 64), height: number("height", 64), count: number("batch_size", 1), fill: fill))
    }

    private func scaled() -> Picture {
        var picture = picture("image")
        let (width, height) = (number("width", 0), number("height", 0))
        // Zero keeps the proportions; zero for both keeps the size.
        guard width > 0 || height > 0, picture.width > 0, picture.height > 0 else { return picture }
        let (oldWidth, oldHeight) = (picture.width, picture.height)
        picture.width = width > 0 ? width : max(1, Self.share(oldWidth, height, oldHeight))
        picture.height = height > 0 ? height : max(1, Self.share(oldHeight, width, oldWidth))
        return picture
    }

    private static func share(_ value: Int, _ new: Int, _ old: Int) -> Int {
        Int(exactly: (Double(value) * Double(new) / Double(max(old, 1))).rounded()) ?? value
    }
}

// MARK: - Work with steps

extension NodeRunner {
    private func sample() async throws(JobRun.Stop) -> NodeResult {
        let steps = job.settings.steps > 0 ? job.settings.steps : steps
        for step in 0..<max(0, steps) {
            try await job.pause(job.settings.stepDelay)
            try job.step(id, step + 1, of: steps, preview: true)
        }
        var picture = picture("latent_image")
        var signature = NodeSignature()
        signature.feed(inputs["seed"]?.text ?? "")
        picture.fill = .pattern(signature.folded)
        return NodeResult(values: [.picture(picture)])
    }

    private func upscale() async throws(JobRun.Stop) -> NodeResult {
        for step in 1...4 {
            try await job.pause(job.settings.stepDelay)
            try job.step(id, step, of: 4, preview: false)
        }
        var picture = picture("image")
        picture.width = picture.width.multipliedReportingOverflow(by: 2).partialValue
        picture.height = picture.height.multipliedReportingOverflow(by: 2).partialValue
        return NodeResult(values: [.picture(picture)])
    }

    private func sleep() async throws(JobRun.Stop) -> NodeResult {
        try await sleep(
            id, Self.seconds(inputs["seconds"], scale: job.settings.sleepScale), steps, parent: nil)
        return passed
    }

    /// A subgraph of two sleeping nodes.
    private func expand() async throws(JobRun.Stop) -> NodeResult {
        let pause = Self.seconds(.json(0.2), scale: job.settings.sleepScale)
        for part in ["\(id).0.0.1", "\(id).0.0.2"] {
            job.begin(part, parent: id)
            try await sleep(part, pause, 2, parent: id)
            job.endPart(part)
        }
        return passed
    }

    private func sleep(_ id: String, _ duration: Duration, _ steps: Int, parent: String?) async throws(JobRun.Stop) {
        // Without steps nothing looks at an interrupt.
        guard steps > 0 else { return try await job.pause(duration) }
        let hasPreview = parent == nil && text("preview") != "none"
        for step in 1...steps {
            try await job.pause(duration / steps)
            try job.step(id, step, of: steps, preview: hasPreview, parent: parent)
        }
    }

    private var passed: NodeResult {
        NodeResult(values: [inputs["image"] ?? .opaque("IMAGE")])
    }
}

// MARK: - Files

extension NodeRunner {
    private func load() throws(JobRun.Stop) -> NodeResult {
        guard let path = AnnotatedName(text("image")).path(in: job.server.folders, default: .input),
            let head = Disk.read(path, limit: 64), let status = Disk.status(path)
        else { throw .failed(PythonError("FileNotFoundError", "[Errno 2] No such file or directory")) }
        guard ContentType.isImage(head) else {
            throw .failed(PythonError("PIL.UnidentifiedImageError", "cannot identify image file"))
        }
        // Only PNG tells its size here; the pixels of a loaded image are not decoded.
        let size = PNG.size(of: head) ?? (512, 512)
        let fill = Picture.Fill.pattern(UInt64(status.size))
        let picture = Picture(width: size.width, height: size.height, count: 1, fill: fill)
        return NodeResult(values: type.outputs.map { _ in .picture(picture) })
    }

    private func save() throws(JobRun.Stop) -> NodeResult {
        let picture = picture("images")
        do throws(PythonError) {
            let texts = try pngTexts()
            let images: JSON
            if type.work == .saveImage {
                let prefix = expanded(text("filename_prefix"), for: picture)
                images = try job.server.files.save(picture, prefix: prefix, in: .output, texts: texts)
            } else {
                let letters = job.server.withState { $0.tempLetters }
                images = try job.server.files.save(picture, prefix: "ComfyUI_temp_\(letters)", in: .temp, texts: texts)
            }
            return NodeResult(ui: ["images": images])
        } catch {
            throw .failed(error)
        }
    }

    /// What is embedded in the image: the prompt, and every key of `extra_pnginfo`.
    private func pngTexts() throws(PythonError) -> [(key: String, value: [UInt8])] {
        guard case .object(let extra) = job.item.extraData else {
            let name = Python.typeName(job.item.extraData)
            throw PythonError("AttributeError", "'\(name)' object has no attribute 'get'")
        }
        var texts = [(key: "prompt", value: job.item.promptText)]
        switch extra["extra_pnginfo"] ?? .null {
        case .null: break
        case .object(let infos):
            for (key, value) in infos { texts.append((key, value.serialized(.spaced))) }
        case let other:
            throw PythonError("TypeError", "'\(Python.typeName(other))' object is not a mapping")
        }
        return texts
    }

    /// Replaces `%width%`, `%height%` and the parts of the date.
    private func expanded(_ prefix: String, for picture: Picture) -> String {
        guard prefix.contains("%") else { return prefix }
        let now = job.server.clock.wallClock.iso8601
        let parts = now.split { "-T:.Z".contains($0) }.map(String.init)
        var words = ["width": String(picture.width), "height": String(picture.height)]
        for (name, part) in zip(["year", "month", "day", "hour", "minute", "second"], parts) { words[name] = part }
        var pieces = prefix.split(separator: "%", omittingEmptySubsequences: false).map(String.init)
        var place = 1
        while place + 1 < pieces.count {
            if let word = words[pieces[place]] {
                pieces[place - 1] += word + pieces[place + 1]
                pieces.removeSubrange(place...place + 1)
            } else {
                place += 1
            }
        }
        return pieces.joined(separator: "%")
    }
}

// MARK: - Inputs

extension NodeRunner {
    /// Seconds of an input as a duration, scaled and never negative.
    static func seconds(_ value: NodeValue?, scale: Double) -> Duration {
        let seconds = (value?.json?.doubleValue ?? 0) * scale
        return seconds > 0 ? .milliseconds(Int64((min(seconds, 1e9) * 1000).rounded())) : .zero
    }

    private func text(_ name: String) -> String {
        inputs[name]?.json.map(Python.str) ?? ""
    }

    private func number(_ name: String, _ fallback: Int) -> Int {
        inputs[name]?.json?.intValue ?? fallback
    }

    /// The number of steps, within the bounds of the classes even when it comes from a link.
    private var steps: Int {
        min(max(number("steps", 0), 0), 10_000)
    }

    private func picture(_ name: String) -> Picture {
        if case .picture(let picture) = inputs[name] { return picture }
        return Picture(width: 64, height: 64, count: 1, fill: .solid(0))
    }
}

extension NodeValue {
    /// The value when it is plain data.
    fileprivate var json: JSON? {
        if case .json(let value) = self { return value }
        return nil
    }
}
