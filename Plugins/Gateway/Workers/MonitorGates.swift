/// How many workers are asked at the same time by their monitors.
///
/// There are two gates, so that servers that let everybody wait for a timeout do not keep the others from being asked.
struct MonitorGates: Sendable {
    /// For workers that answered last time, and those not asked yet.
    let well = Turnstile(places: 256)
    /// For workers that did not.
    let sick = Turnstile(places: 64)
}
