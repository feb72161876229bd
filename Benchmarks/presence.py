"""Two hundred agents in real time: a stall of the daemon is no alarm, a dead agent is one. Takes six minutes."""

import asyncio
import json
import os
import random
import signal
import time

import agents
import catalogs
import servers

AGENTS = 200
INTERVAL = 60.0  # seconds between two heartbeats of an agent
JITTER = 0.3
STALL = (100.0, 45.0)  # when the daemon stands still, and for how long
DEATH = 30.0  # from when on one agent is silent
END = 330.0


class Agent:
    """An agent that sends a heartbeat a minute, more or less, until it dies."""

    def __init__(self, server, number, token, chance, dies=None):
        self.address = server.url.removeprefix("http://").split(":")
        self.number, self.token, self.chance, self.dies = number, token, chance, dies
        self.last, self.failed = None, 0

    async def run(self, begin):
        await self.until(begin + self.chance.random() * INTERVAL)
        due = time.monotonic()
        while due - begin < END and not (self.dies and self.last and due - begin > self.dies):
            if await self.beat():
                self.last = time.monotonic()
            else:
                self.failed += 1
            due += INTERVAL * (1 + self.chance.uniform(-JITTER, JITTER))
            await self.until(due)

    async def until(self, due):
        await asyncio.sleep(max(0, due - time.monotonic()))

    async def beat(self):
        """Whether a heartbeat was taken within the ten seconds that the agents of the field wait."""
        try:
            async with asyncio.timeout(10):
                reader, writer = await asyncio.open_connection(*self.address)
                writer.write(agents.heartbeat(self.number, self.token, "close"))
                line = await reader.readline()
                writer.close()
                return b" 200 " in line
        except OSError:
            return False


def bench_presence(options, report):
    chance = random.Random(7)
    with servers.state_folder() as state, servers.comfyd(
        options.bin, {"agents": {}, "alerts": {}}, state=state) as server:
        client = catalogs.Client(server, state)
        tokens = agents.register(client, AGENTS)
        crowd = [Agent(server, n, token, chance, DEATH if n == 0 else None) for n, token in enumerate(tokens)]
        alarm = asyncio.run(watch(server, client, crowd))
        # The first connection may have been idle for too long.
        client = catalogs.Client(server, state)
        alerts = json.loads(client.send("GET", "/alerts?alert_type=agent_offline&limit=200"))
    wrong = [a["agentId"] for a in alerts if a["agentId"] != agents.name(0)]
    failed = sum(agent.failed for agent in crowd)
    after = alarm - crowd[0].last if alarm else None
    report.add(
        f"{AGENTS} agents, {INTERVAL:.0f} s ± {JITTER * 100:.0f} % between heartbeats, the daemon stands still for {STALL[1]:.0f} s",
        f"{len(wrong)} false alarms, {failed} heartbeats lost; a dead agent is reported "
        + (f"{after:.0f} s after its last heartbeat" if after else "never"), "", "no false alarm, within 240 s",
        not wrong and after is not None and after <= 240)


async def watch(server, client, crowd):
    """Lets time pass; gives when the dead agent was reported."""
    begin = time.monotonic()

    async def stall():
        await asyncio.sleep(STALL[0])
        os.kill(server.process.pid, signal.SIGSTOP)
        await asyncio.sleep(STALL[1])
        os.kill(server.process.pid, signal.SIGCONT)

    async def alarm():
        path = f"/alerts?alert_type=agent_offline&agent_id={agents.name(0)}"
        while time.monotonic() - begin < END:
            if json.loads(await asyncio.to_thread(client.send, "GET", path)):
                return time.monotonic()
            await asyncio.sleep(1)

    return (await asyncio.gather(alarm(), stall(), *(agent.run(begin) for agent in crowd)))[0]
