/// What a server has, as far as its `/object_info` tells.
struct ServerInventory: Sendable, Equatable {
    /// The files by kind (`unet`, `clip`, `vae`, `lora`, and more), in the server's order.
    var models: [String: [String]] = [:]
    /// The node classes, sorted.
    var nodeKeys: [String] = []
}
