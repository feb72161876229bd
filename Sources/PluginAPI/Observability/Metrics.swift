/// Makes metrics in Prometheus' sense; names get the prefix `comfyd_<plugin>_`.
public protocol MetricsFactory: Sendable {
    /// A number that only grows; its name ends in `_total`.
    func counter(_ name: String, _ help: String, labels: [String]) -> any Counter
    /// A number that goes up and down.
    func gauge(_ name: String, _ help: String, labels: [String]) -> any Gauge
    /// A distribution; its name ends in a unit, such as `_seconds`.
    func histogram(_ name: String, _ help: String, labels: [String], buckets: [Double]) -> any Histogram
}

/// A number that only grows.
public protocol Counter: Sendable {
    /// Adds to the series of these label values, which stand in the order of the labels.
    func increment(by amount: Double, _ labelValues: [String])
}

extension Counter {
    /// Adds one to the series of these label values.
    public func increment(_ labelValues: String...) {
        increment(by: 1, labelValues)
    }
}

/// A number that goes up and down.
public protocol Gauge: Sendable {
    /// Sets the series of these label values.
    func set(_ value: Double, _ labelValues: [String])
    /// Forgets the series of these label values.
    func remove(_ labelValues: [String])
}

/// A distribution.
public protocol Histogram: Sendable {
    /// Counts one observation in the series of these label values.
    func observe(_ value: Double, _ labelValues: [String])
}
