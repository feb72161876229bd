"""Generates load: wrk for GETs, small asyncio clients for submits and WebSockets."""

import asyncio
import json
import re
import subprocess
import time
import urllib.request


def fetch(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    return json.loads(urllib.request.urlopen(request, timeout=60).read() or b"null")


def wrk(server, path, seconds, connections=64):
    """Requests a second and microseconds of the server's CPU per request, over keep-alive connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", server.url + path]
    before = server.cpu_seconds()
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_seconds() - before
    total = int(re.search(r"(\d+) requests in", text).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if bad:
        raise SystemExit(f"{server.name}{path}: {bad.group(1)} answers were not 2xx")
    return {"rate": rate, "cpu_us": cpu / total * 1e6}


async def post_once(reader, writer, head, payload):
    """Posts over an open connection; gives the status and the seconds it took."""
    begin = time.perf_counter()
    writer.write(head + payload)
    header = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"[Cc]ontent-[Ll]ength: (\d+)", header)
    if length:
        await reader.readexactly(int(length.group(1)))
    return int(header[9:12]), time.perf_counter() - begin


async def submit_load(url, payloads, clients):
    """Posts all payloads to /api/prompt from so many keep-alive clients."""
    host, port = url.removeprefix("http://").split(":")
    work = iter(payloads)
    latencies, statuses = [], {}

    async def client():
        reader, writer = await asyncio.open_connection(host, int(port))
        for payload in work:
            head = (
                f"POST /api/prompt HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(payload)}\r\n\r\n"
            ).encode()
            status, seconds = await post_once(reader, writer, head, payload)
            statuses[status] = statuses.get(status, 0) + 1
            latencies.append(seconds)
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*[client() for _ in range(clients)])
    elapsed = time.perf_counter() - begin
    if set(statuses) != {200}:
        raise SystemExit(f"{url}: submits were answered {statuses}")
    latencies.sort()
    return {
        "rate": len(latencies) / elapsed,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[int(len(latencies) * 0.99)],
    }


def workflow(size, seed):
    """A ComfyUI graph of about `size` bytes that the simulator runs at once."""
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": seed}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    number = 3
    while len(json.dumps(graph)) < size:
        graph[str(number)] = {
            "class_type": "EmptyImage",
            "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": number},
            "_meta": {"title": "a node that nothing needs, as large workflows have"},
        }
        number += 1
    return graph


async def open_sockets(url, count, batch=200):
    """Opens idle WebSockets; gives their (reader, writer) pairs after the first frame of each."""
    host, port = url.removeprefix("http://").split(":")

    async def one(index):
        reader, writer = await asyncio.open_connection(host, int(port), limit=4096)
        writer.write(
            (
                f"GET /ws?clientId=idle-{index} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ).encode()
        )
        header = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in header:
            raise SystemExit(f"no upgrade: {header!r}")
        await read_frame(reader)
        return reader, writer

    pairs = []
    for start in range(0, count, batch):
        pairs += await asyncio.gather(*[one(i) for i in range(start, min(count, start + batch))])
    return pairs


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 127
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8), "big")
    return first, await reader.readexactly(size)
