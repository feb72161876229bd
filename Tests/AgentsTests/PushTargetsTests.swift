import PluginAPI
import PluginTestKit
import Testing

@testable import Agents

/// `push_targets`.
@Suite("where tasks may be pushed to")
struct PushTargetsTests {
    private func allows(
        _ entries: [String], _ address: String, host: String = "agent.example", isThisDaemon: Bool = false
    ) throws -> Bool {
        let targets = PushTargets(try entries.map { try PushTargets.Entry(config: .string($0)) })
        let address = try #require(IPAddress(address))
        return targets.allows(
            ConnectionTarget(address: address, port: 18079, isThisDaemon: isThisDaemon), host: host)
    }

    @Test(
        "no setting allows these",
        arguments: [
            "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "100.100.100.200", "224.0.0.1", "239.255.255.250",
            "255.255.255.255", "240.0.0.1", "::", "fe80::1", "febf::1", "ff02::1", "fd00:ec2::254",
            "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "::169.254.169.254", "2002:a9fe:a9fe::1",
            "::ffff:0:169.254.169.254", "64:ff9b:1::169.254.169.254", "2001:0:1:2:3:4:5601:5601", "168.63.129.16",
            "fd00:ec2::23", "fd00:ec2::253", "fd00:42::42", "fd00:c1::a9fe:a9fe", "64:ff9b::168.63.129.16",
        ])
    func never(_ address: String) throws {
        #expect(try !allows(["any", "0.0.0.0/0", "::/0", "127.0.0.0/8", "agent.example"], address))
    }

    @Test(
        "loopback addresses only where they are named",
        arguments: ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"])
    func loopback(_ address: String) throws {
        #expect(try !allows(["any", "agent.example"], address))
        #expect(try allows(["any", "127.0.0.0/8", "::1"], address))
        #expect(try allows(["localhost"], address, host: "LocalHost"))
        #expect(try !allows(["localhost"], address))
        #expect(try !allows(["any", "64:ff9b::/96", "2002::/16", "::ffff:0:0:0/96"], address))
    }

    @Test("the rest: any of them, networks, addresses, hosts' names")
    func entries() throws {
        for address in ["10.0.0.8", "100.64.0.1", "169.253.1.1", "fd00::8", "2001:db8::1"] {
            #expect(try allows(["any"], address))
            #expect(try allows(["agent.example"], address) && !allows(["other.example"], address))
            #expect(try !allows([], address))
        }
        #expect(try allows(["10.0.0.0/9"], "10.127.255.255") && !allows(["10.0.0.0/9"], "10.128.0.0"))
        #expect(try allows(["10.0.0.8"], "10.0.0.8") && !allows(["10.0.0.8"], "10.0.0.9"))
        #expect(try allows(["fd00::/8"], "fdff::1") && !allows(["fd00::/8"], "fc00::1"))
        #expect(try allows(["2001:db8::/33"], "2001:db8:7fff::") && !allows(["2001:db8::/33"], "2001:db8:8000::"))
        #expect(try !allows(["10.0.0.0/8"], "fd00::8"))
    }

    @Test("never where the daemon itself listens")
    func itself() throws {
        #expect(try !allows(["any", "10.0.0.8", "agent.example"], "10.0.0.8", isThisDaemon: true))
    }

    @Test(
        "what is no target keeps the daemon from starting",
        arguments: ["", "10.0.0.0/33", "10.0.0", "10.0.0.0/-1", "fd00::/129", "http://a", "a b", "10.0.0.0/8/8", "a/8"])
    func broken(_ text: String) {
        #expect(throws: ConfigProblem.self) { try PushTargets.Entry(config: .string(text)) }
        #expect(throws: TestHostError.self) {
            try TestHost<AgentsPlugin>(configuration: ["push_targets": [.string(text)]])
        }
    }

    @Test(
        "what the daemon's client would not take is said when the address is given",
        arguments: [
            "http://a:0", "http://a:65536", "http://a:", "http://a:8x", "http://a:-1", "http://[fe80::1%25eth0]",
            "http://[fe80::1%eth0]:80", "http://[127.0.0.1]", "http://[::1", "http://[::1]x", "http://a\\b",
            "http://a%2e",
            "http://u:p@a", "http://a@b", "http://", "http://:80", "ftp://a", "unix:///run/a", "//a", "a:80", "http:a",
            "http://bücher.example", "http://a b", "http://a?x", "http://a#x", "http://a[", "http://a;b",
        ])
    func unusable(_ url: String) async throws {
        #expect(PushURL.problem(url) != nil)
        try await withAgents { rig in
            let added = await rig.admin(.post, "/agents", ["id": "a", "baseUrl": .string(url)])
            #expect(added.status == .unprocessableContent, "\(added)")
            // Nobody checked what the operator's own configuration says.
            _ = await rig.admin(.post, "/agents", ["id": "b", "config": ["baseUrl": .string(url)]])
            let task = await rig.admin(.post, "/tasks", ["agentId": "b", "manifestUrl": "http://m/1"])
            #expect(task.status == .badRequest && task.json?["detail"] == "AGENT_PUSH_TARGET_REFUSED", "\(task)")
            #expect(rig.host.client.requests.isEmpty && !task.text.contains("u:p"))
        }
    }

    @Test(
        "the host of an address",
        arguments: [
            ("http://10.0.0.8:18079", "10.0.0.8"), ("HTTPS://Agent.Example/x", "agent.example"),
            ("http://[fd00::8]:18079/a/b", "fd00::8"), ("http://localhost", "localhost"), ("http://a:1", "a"),
            ("http://a_b-c.example.:65535/", "a_b-c.example."), ("http://127.1", "127.1"), ("http://[::1]", "::1"),
        ])
    func host(_ url: String, _ host: String) {
        #expect(PushURL.problem(url) == nil)
        #expect(PushURL.host(of: url) == host)
    }
}
