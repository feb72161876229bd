"""Generates load: wrk for GETs, small asyncio clients for submits and WebSockets."""

import asyncio
import json
import re
import subprocess
import tempfile
import urllib.request


def fetch(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    return json.loads(urllib.request.urlopen(request, timeout=60).read() or b"null")


def wrk(server, path, seconds, connections=64, script=None):
    """Requests a second and microseconds of the server's CPU per request, over keep-alive connections.

    A script is Lua text; it may choose the requests itself.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
        before = server.cpu_seconds()
        text = subprocess.run(command + [server.url + path], capture_output=True, text=True, check=True).stdout
    cpu = server.cpu_seconds() - before
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"{server.name}{path}: {text}")
    total = int(re.search(r"(\d+) requests in", text).group(1))
    return {
        "total": total,
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        "cpu_us": cpu / total * 1e6,
        "p50": milliseconds(re.search(r"50%\s+([\d.]+\w+)", text).group(1)),
        "p99": milliseconds(re.search(r"99%\s+([\d.]+\w+)", text).group(1)),
    }


SUBMIT_SCRIPT = """
local before, after, callers, priorities = [==[%s]==], [==[%s]==], %d, %d
local count = 0
request = function()
  count = count + 1
  local body = before .. count .. after
  if priorities > 0 then
    body = body .. ',"priority":' .. count %% priorities .. ',"client_id":"caller-' .. count * 7919 %% callers .. '"}'
  else
    body = body .. ',"client_id":"bench"}'
  end
  return wrk.format("POST", "/api/prompt", {["Content-Type"] = "application/json"}, body)
end
"""


def submit_load(server, seconds, clients, size=20_000, callers=1, priorities=0):
    """Posts workflows of about `size` bytes, each with another seed, from keep-alive clients.

    With priorities, the jobs are spread over so many of them, and over so many callers.
    """
    body = json.dumps({"prompt": workflow(size, 987654321)})
    before, after = body[:-1].split("987654321", 1)
    return wrk(server, "/", seconds, clients, SUBMIT_SCRIPT % (before, after, callers, priorities))


PATHS_SCRIPT = """
local paths = {%s}
local count = 0
request = function()
  count = count + 1
  return wrk.format("GET", paths[count %% #paths + 1])
end
"""


def wrk_paths(server, paths, seconds):
    """As `wrk`, over many paths in turn."""
    return wrk(server, "/", seconds, script=PATHS_SCRIPT % ",".join(f'"{path}"' for path in paths))


def milliseconds(text):
    """Turns wrk's `1.23ms`, `850.00us` or `1.02s` into milliseconds."""
    number, unit = re.match(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


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
