/// A part of the configuration: its one initializer reads, checks and documents the keys.
///
/// The host runs it with the file, to get values and all problems, and with nothing, to print sample and reference.
///
/// ```swift
/// struct GreetingConfiguration: ConfigurationSection {
///     let greeting: String
///     let pause: Duration
///
///     init(_ config: inout ConfigReader) {
///         greeting = config.value("greeting", default: "Hello", "Word put before the name.")
///         pause = config.value("pause", default: .seconds(1), in: .zero ... .seconds(60), "Time between two.")
///     }
/// }
/// ```
public protocol ConfigurationSection: Sendable {
    /// Reads the section; cannot throw, the reader collects what is wrong.
    init(_ config: inout ConfigReader)
}
