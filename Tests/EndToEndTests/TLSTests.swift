import Glibc
import PluginAPI
import Testing

@Suite("TLS listeners")
struct TLSTests {
    @Test("a listener with a certificate speaks HTTPS, and takes up a new certificate on SIGHUP")
    func certificates() async throws {
        let folder = try TemporaryDirectory()
        try await makeCertificate("first", in: folder)
        let configuration = "plugins: { simulator: {} }"
        try folder.write(
            "comfyd.yaml",
            """
            listen: [{ address: "127.0.0.1:0", certificate: server.crt, key: server.key }]
            \(configuration)
            """)
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(nil, in: folder, overridesListen: false)
            defer { daemon.end() }
            #expect(try await subject(of: daemon).contains("first"))
            try await makeCertificate("second", in: folder)
            daemon.send(signal: SIGHUP)
            try await eventually("the new certificate is shown\n\(daemon.tail)") {
                try await subject(of: daemon).contains("second")
            }
            // Plain HTTP on that port is no way in, and no way to crash it.
            let plain = try? await daemon.probe.get("/queue")
            #expect(plain?.status != 200)
            #expect(daemon.isRunning)
        }
    }

    @Test("with a broken certificate no part of a new configuration is applied")
    func brokenCertificate() async throws {
        let folder = try TemporaryDirectory()
        try await makeCertificate("only", in: folder)
        try folder.write(
            "comfyd.yaml",
            """
            listen: [{ address: "127.0.0.1:0", certificate: server.crt, key: server.key }]
            plugins: { simulator: {} }
            """)
        try await withSlots(1) {
            let daemon = try await DaemonProcess.start(nil, in: folder, overridesListen: false)
            defer { daemon.end() }
            let before = try Files.text(folder.file("comfyd.yaml"))
            try folder.write("server.key", "no key")
            let url = "https://127.0.0.1:\(daemon.port)/api/admin/plugins/simulator/disable"
            let token = try daemon.adminToken
            let answer = try await run(
                "curl", ["-sS", "--insecure", "-X", "POST", "-H", "Authorization: Bearer \(token)", url])
            #expect(answer.output.contains("host.not_applied"), "\(answer)")
            #expect(try Files.text(folder.file("comfyd.yaml")) == before)
            #expect(try await subject(of: daemon).contains("only"), "the plugin runs as the file says")
        }
    }

    /// Makes a self-signed certificate for the address of loopback.
    private func makeCertificate(_ name: String, in folder: TemporaryDirectory) async throws {
        let result = try await run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder.file("server.key"),
                "-out", folder.file("server.crt"),
            ])
        try #require(result.status == .code(0), "\(result)")
    }

    /// Asks for the queue over HTTPS and gives the name in the server's certificate.
    private func subject(of daemon: DaemonProcess) async throws -> String {
        let url = "https://127.0.0.1:\(daemon.port)/queue"
        let result = try await run("curl", ["-sS", "-v", "--insecure", url])
        #expect(result.output.contains("queue_running"), "\(result)")
        let line = result.errors.split(separator: "\n").first { $0.contains("subject: CN=") }
        return line.map(String.init) ?? ""
    }
}
