"""Ten thousand agents: their heartbeats, while somebody reads the list."""

import asyncio
import json
import time

import catalogs
import servers

AGENTS = 10_000
RATE = 1_000  # heartbeats a second
CONNECTIONS = 100
BEAT = json.dumps({
    "status": "active", "cpu": 35, "mem": 62, "disk_free_gb": 120, "gpu": {"available": True, "util": 42},
    "metrics": {"cpu": 0.42, "memory": 0.78, "disk": 0.61, "gpu": 0.55}, "agent_version": "1.2.0",
    "comfyui_version": "0f4dd2a9c1",
})


def name(number):
    return f"bench-{number}"


def register(client, count):
    """Makes agents; gives their tokens."""
    tokens = []
    for number in range(count):
        client.send("POST", "/agents", json.dumps({"id": name(number), "role": "full"}))
        tokens.append(json.loads(client.send("POST", f"/agents/{name(number)}/token", "{}"))["token"])
    return tokens


def heartbeat(number, token, connection="keep-alive"):
    return (
        f"POST /api/agent/agents/{name(number)}/heartbeat HTTP/1.1\r\nHost: bench\r\nConnection: {connection}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len(BEAT)}\r\n\r\n{BEAT}"
    ).encode()


class Beater:
    """One keep-alive connection that sends heartbeats of its share of the agents, each at its time."""

    def __init__(self, server, tokens, number, begin, seconds):
        self.address = server.url.removeprefix("http://").split(":")
        self.tokens, self.number, self.begin, self.seconds = tokens, number, begin, seconds
        self.times, self.refused = [], 0

    async def run(self):
        reader, writer = await asyncio.open_connection(*self.address)
        step = CONNECTIONS / RATE
        count = int(self.seconds / step)
        for turn in range(count):
            due = self.begin + self.number / RATE + turn * step
            await asyncio.sleep(max(0, due - time.perf_counter()))
            agent = (self.number + turn * CONNECTIONS) % len(self.tokens)
            writer.write(heartbeat(agent, self.tokens[agent]))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length"))
            await reader.readexactly(length)
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                self.refused += 1
            # From when it was due: a wait for the server before counts too.
            self.times.append((time.perf_counter() - due) * 1000)
        writer.close()


def bench_agents(options, report):
    seconds = 10 if options.quick else 60
    number = AGENTS // 10 if options.quick else AGENTS
    with servers.state_folder() as state, servers.comfyd(options.bin, {"agents": {}}, state=state) as server:
        client = catalogs.Client(server, state)
        tokens = register(client, number)
        memory = server.memory()
        beaters, lists, cpu = asyncio.run(beat(server, client, tokens, seconds))
        times = sorted(t for beater in beaters for t in beater.times)
        refused = sum(beater.refused for beater in beaters)
        share = cpu / seconds * 100
        report.add(
            f"heartbeats of {number:,} agents, {len(times) / seconds:,.0f}/s for {seconds} s",
            f"p50 {catalogs.rank(times, 0.5):.2f} ms, p99 {catalogs.rank(times, 0.99):.2f} ms, {share:.0f} % of a core, "
            f"{server.memory():.0f} MiB (+{server.memory() - memory:.1f}), {refused} refused",
            f"list of 200 meanwhile: p50 {catalogs.rank(lists, 0.5):.1f} ms, p99 {catalogs.rank(lists, 0.99):.1f} ms",
            "none refused", refused == 0)


async def beat(server, client, tokens, seconds):
    begin = time.perf_counter() + 0.5
    beaters = [Beater(server, tokens, n, begin, seconds) for n in range(CONNECTIONS)]
    cpu = server.cpu_seconds()
    lists = []

    async def read():
        while time.perf_counter() < begin + seconds:
            taken = await asyncio.to_thread(client.timed, 1, lambda _: ("GET", "/agents?limit=200"))
            lists.extend(taken[0])
            await asyncio.sleep(0.2)

    await asyncio.gather(read(), *(beater.run() for beater in beaters))
    return beaters, sorted(lists), server.cpu_seconds() - cpu
