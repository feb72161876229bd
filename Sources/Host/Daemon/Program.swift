import Glibc
public import PluginAPI
import Synchronization

/// The whole program, for the executable's `main`.
public enum Program {
    /// Runs a command line on the calling, main thread.
    ///
    /// - Parameters:
    ///   - arguments: The arguments without the program's name.
    ///   - builtIn: Plugins that are linked into the executable, by configuration name.
    /// - Returns: The exit code.
    public static func main(arguments: [String], builtIn: [String: any Plugin.Type]) -> Int32 {
        // Threads inherit the mask, so signals must be blocked before the first one starts.
        if case .run? = (try? CommandLineParser.parse(arguments))?.command { SignalWatcher.blockInAllThreads() }
        let tool = CommandLineTool(runner: HostCommands(builtIn: builtIn))
        let code = Mutex<Int32>(0)
        let done = Semaphore()
        Task.detached {
            let result = await tool.run(arguments)
            code.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        return code.withLock { $0 }
    }
}
