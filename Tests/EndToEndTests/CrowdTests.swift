import Glibc
import PluginAPI
import Testing

@Suite("more connections than the system allows")
struct CrowdTests {
    @Test("a daemon without a descriptor left accepts again as soon as the crowd has gone")
    func descriptors() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("comfyd.yaml", "plugins: { simulator: {} }")
        try folder.write("limited", "#!/bin/sh\nulimit -n 64\nexec \(Places.comfyd) \"$@\"\n")
        #expect(chmod(folder.file("limited"), 0o700) == 0)
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(nil, in: folder, executable: folder.file("limited"))
            defer { daemon.end() }
            try await daemon.logged("fewer open files", "limit=64")
            let port = daemon.port
            for _ in 0..<3 {
                try await onThread {
                    let crowd = try (0..<200).map { _ in try TCPConnection(port: port) }
                    usleep(300_000)
                    withExtendedLifetime(crowd) {}
                }
                try await eventually("requests are answered again", within: 10) {
                    (try? await daemon.probe.get("/health/live").status) == 200
                }
            }
        }
    }
}
