import ComfyUI
import PluginAPI

extension QueueReading {
    /// The queues as other plugins see them.
    var promptQueue: PromptQueue {
        var queue = PromptQueue()
        var running: [Entry] = []
        var pending: [Entry] = []
        for worker in workers {
            let server = ComfyServer(worker.member)
            if let items = worker.queue {
                running += items.running.map { Entry(item: $0, server: server) }
                pending += items.pending.map { Entry(item: $0, server: server) }
            } else if worker.member.worker.enabled {
                queue.unreachable.append(server)
            }
        }
        queue.running = running.sorted { $0.item.item.precedes($1.item.item) }.map(\.prompt)
        queue.pending = pending.sorted { $0.item.item.precedes($1.item.item) }.map(\.prompt) + waiting.map(Self.prompt)
        return queue
    }

    private static func prompt(_ waiting: Waiting) -> QueuedPrompt {
        QueuedPrompt(
            promptID: waiting.job.promptID, caller: waiting.job.caller,
            number: .number(JSONNumber(Int(waiting.job.sequence))), createdAt: waiting.job.createdAt,
            item: waiting.item)
    }

    /// An item and where it is.
    private struct Entry {
        let item: Item
        let server: ComfyServer

        var prompt: QueuedPrompt {
            QueuedPrompt(
                promptID: item.item.promptID, caller: item.job?.caller, server: server,
                number: item.item.raw[0] ?? 0, createdAt: item.job?.createdAt, item: item.item.raw)
        }
    }
}
