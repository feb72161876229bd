import PluginAPI

/// What the pool decides by.
struct WorkerRules: Sendable {
    /// How many jobs a worker may have ahead.
    var maximumInFlight = 2
    /// When a breaker opens, and for how long.
    var breaker = CircuitBreaker.Limits()
    /// How long a queue may stand still; zero for ever.
    var stallTimeout = Duration.zero
}

/// A change of what is known of a worker.
enum WorkerChange: Sendable {
    /// It turned healthy or unhealthy.
    case health(WorkerHealth)
    /// Its circuit breaker opened, closed, or lets a probe through.
    case breaker(CircuitBreaker)
}
