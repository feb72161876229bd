"""A stand-in for many ComfyUI servers in one process: each address of 127.0.0.0/8 that is asked is a server of its own.

It answers as much of the API as the gateway uses. Graphs are neither checked nor run: a prompt ends `--delay` seconds
after it was taken, one after the other on each server. `GET /standin` tells what the servers were asked.
"""

import argparse
import asyncio
import base64
import collections
import hashlib
import json

KEPT_RESULTS = 4096


class ComfyServer:
    """What one address knows."""

    def __init__(self, delay):
        self.delay = delay
        self.queue = collections.deque()
        self.history = {}
        self.sockets = {}
        self.number = 0
        self.is_running = False

    def remaining(self):
        return {"status": {"exec_info": {"queue_remaining": len(self.queue)}}}

    def tell(self, client, kind, data):
        frame = encode_frame({"type": kind, "data": data})
        for name, socket in self.sockets.items():
            if client is None or name == client:
                socket.transport.write(frame)

    def submit(self, body):
        self.number += 1
        item = [self.number, body["prompt_id"], body["prompt"], body.get("extra_data", {}), []]
        self.queue.append((item, body.get("client_id")))
        self.tell(None, "status", self.remaining())
        if not self.is_running:
            self.is_running = True
            self.start()
        return {"prompt_id": body["prompt_id"], "number": self.number, "node_errors": {}}

    def start(self):
        item, client = self.queue[0]
        self.tell(client, "execution_start", {"prompt_id": item[1]})
        asyncio.get_running_loop().call_later(self.delay, self.finish)

    def finish(self):
        item, client = self.queue.popleft()
        identifier = item[1]
        self.history[identifier] = {
            "prompt": item, "outputs": {},
            "status": {"status_str": "success", "completed": True, "messages": []},
        }
        if len(self.history) > KEPT_RESULTS:
            del self.history[next(iter(self.history))]
        self.tell(client, "executing", {"node": None, "prompt_id": identifier})
        self.tell(None, "status", self.remaining())
        if self.queue:
            self.start()
        else:
            self.is_running = False

    def lists(self):
        items = [item for item, _ in self.queue]
        return {"queue_running": items[:1], "queue_pending": items[1:]}


def encode_frame(value):
    text = json.dumps(value).encode()
    size = bytes([len(text)]) if len(text) < 126 else b"\x7e" + len(text).to_bytes(2, "big")
    return b"\x81" + size + text


class Connection(asyncio.Protocol):
    """One keep-alive connection, or one WebSocket."""

    def __init__(self, farm):
        self.farm = farm
        self.buffer = b""
        self.client = None

    def connection_made(self, transport):
        self.transport = transport
        self.address = transport.get_extra_info("sockname")[0]
        self.server = self.farm.server(self.address)

    def connection_lost(self, _):
        if self.client is not None and self.server.sockets.get(self.client) is self:
            del self.server.sockets[self.client]

    def data_received(self, data):
        self.buffer += data
        try:
            while self.take_frame() if self.client is not None else self.take_request():
                pass
        except (KeyError, ValueError, IndexError):
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()

    def take_request(self):
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return False
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        size = int(fields.get("content-length", 0))
        if len(rest) < size:
            return False
        self.buffer = rest[size:]
        method, target, _ = lines[0].split(" ")
        path, _, query = target.partition("?")
        self.farm.count(self.address, path)
        if path == "/ws":
            self.upgrade(query, fields)
        else:
            self.answer(self.route(method, path, rest[:size]))
        return True

    def route(self, method, path, body):
        if path == "/queue":
            if method == "GET":
                return self.server.lists()
            return {}
        if path == "/prompt" and method == "POST":
            return self.server.submit(json.loads(body))
        if path.startswith("/history/"):
            identifier = path.rpartition("/")[2]
            entry = self.server.history.get(identifier)
            return {identifier: entry} if entry else {}
        if path == "/standin":
            return self.farm.report()
        return {}

    def answer(self, value):
        body = json.dumps(value).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body))

    def upgrade(self, query, fields):
        key = fields["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key).digest())
        self.client = query.partition("clientId=")[2].partition("&")[0]
        self.server.sockets[self.client] = self
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
            + encode_frame({"type": "status", "data": {**self.server.remaining(), "sid": self.client}}))

    def take_frame(self):
        """Takes one masked frame without reading more of it than its kind; pings are answered."""
        if len(self.buffer) < 6:
            return False
        size, start = self.buffer[1] & 127, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(self.buffer[2:2 + width], "big"), 2 + width
        if len(self.buffer) < start + 4 + size:
            return False
        kind = self.buffer[0] & 15
        self.buffer = self.buffer[start + 4 + size:]
        if kind == 9:
            self.transport.write(b"\x8a\x00")
        elif kind == 8:
            self.transport.write(b"\x88\x00")
            self.transport.close()
        return True


class Farm:
    """All addresses."""

    def __init__(self, delay):
        self.delay = delay
        self.servers = {}
        self.requests = collections.Counter()
        self.asked = set()

    def server(self, address):
        if address not in self.servers:
            self.servers[address] = ComfyServer(self.delay)
        return self.servers[address]

    def count(self, address, path):
        self.requests["/".join(path.split("/")[:2])] += 1
        if path == "/queue":
            self.asked.add(address)

    def report(self):
        return {
            "asked": len(self.asked), "connected": sum(bool(s.sockets) for s in self.servers.values()),
            "requests": self.requests,
        }


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    farm = Farm(options.delay)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(farm), "0.0.0.0", options.port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
