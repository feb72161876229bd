import Glibc

/// A program that ran to its end.
struct CommandResult: Sendable, CustomStringConvertible {
    let status: ExitStatus
    let output: String
    let errors: String

    var description: String { "\(status)\n--- output\n\(output)\n--- errors\n\(errors)" }
}

/// Runs a program to its end.
///
/// - Throws: ``TimedOut`` when it takes longer; it is killed then.
func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], directory: String? = nil,
    within seconds: Double = 30
) async throws -> CommandResult {
    let folder = try TemporaryDirectory()
    let child = try start(program, arguments, environment, directory, folder)
    let watchdog = Task {
        try await Task.sleep(for: .seconds(seconds * Places.patience))
        child.killGroup()
        return true
    }
    let status = try await onThread { child.wait() }
    watchdog.cancel()
    child.killGroup()
    if (try? await watchdog.value) == true {
        throw TimedOut(description: "\(program) \(arguments.joined(separator: " ")): not within \(seconds) s")
    }
    return CommandResult(
        status: status, output: try Files.text(folder.file("out")), errors: try Files.text(folder.file("err")))
}

/// Runs the built `comfyd` to its end.
func comfyd(
    _ arguments: String..., environment: [String: String] = [:], directory: String? = nil
) async throws -> CommandResult {
    try await run(Places.comfyd, arguments, environment: environment, directory: directory)
}

private func start(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ directory: String?,
    _ folder: TemporaryDirectory
) throws -> ChildProcess {
    let flags = O_WRONLY | O_CREAT | O_CLOEXEC
    let output = open(folder.file("out"), flags, 0o600)
    let errors = open(folder.file("err"), flags, 0o600)
    defer {
        close(output)
        close(errors)
    }
    return try ChildProcess.start(
        program, arguments, environment: environment, directory: directory, output: output, errors: errors)
}
