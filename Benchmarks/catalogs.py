"""A catalog of a hundred thousand rows: pages, searches, changes, the whole list, an import."""

import http.client
import json
import os
import random
import sys
import threading
import time
from urllib.parse import quote

import servers

ROWS = 100_000
IMPORTED = 20_000
BATCH = 10_000
LIMIT = 20  # milliseconds for a page or a change
BASE = "/api/admin/comfyui"
WORDS = (
    "flux dev schnell qwen image edit sdxl turbo refiner pony illustrious hidream wan video kolors pixart chroma "
    "anime realistic portrait landscape cup logo poster sketch inpaint depth canny pose tile upscale detail light "
    "fp8 e4m3fn bf16 gguf q4 q8 lora lcm hyper distilled 杯子 印花 海报 人像 модель стиль").split()
TYPES = ("unet", "clip", "vae", "controlnet", "lora", "checkpoints", "upscale_models", "other")


class Client:
    """One keep-alive connection as the administrator."""

    def __init__(self, server, state):
        self.server = server
        self.connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=120)
        token = open(os.path.join(state, "admin.token")).read().strip()
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method, path, body=None, kind="application/json"):
        headers = self.headers if body is None else {**self.headers, "Content-Type": kind}
        self.connection.request(method, BASE + path, body, headers)
        response = self.connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise SystemExit(f"{method} {path}: {response.status} {data[:500]}")
        return data

    def timed(self, count, request):
        """Milliseconds of so many requests, sorted, and of the server's CPU for one.

        `request` gives method, path and body of the n-th.
        """
        times, cpu = [], self.server.cpu_seconds()
        for number in range(count):
            what = request(number)
            begin = time.perf_counter()
            self.send(*what)
            times.append((time.perf_counter() - begin) * 1000)
        return sorted(times), (self.server.cpu_seconds() - cpu) * 1000 / count


def rank(times, share):
    return times[min(len(times) - 1, int(len(times) * share))]


def model(number, chance):
    """A row as a real catalog has it; one of a hundred is inactive."""
    words = [chance.choice(WORDS) for _ in range(5)]
    kind = chance.choice(TYPES)
    name = f"{chance.choice(('', 'SD1.5/', 'flux/'))}{'_'.join(words)}_{number}.safetensors"
    address = quote(name)
    return {
        "file_name": name, "display_name": f"{' '.join(words)} {number}".title(), "model_type": kind,
        "description": " ".join(chance.choice(WORDS) for _ in range(30)),
        "source_url": f"https://huggingface.co/somebody/{quote(words[0])}-{number}",
        "download_url": f"https://mirror.example.com/models/{kind}/{address}", "tags": words[:2],
        "status": "inactive" if number % 100 == 7 else "active",
    }


def lines(numbers, chance):
    return "".join(json.dumps(model(number, chance), ensure_ascii=False) + "\n" for number in numbers).encode()


class Others:
    """What somebody else waits meanwhile: pages of the catalog, one after the other."""

    def __init__(self, client):
        self.client, self.times, self.over = client, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            self.times += self.client.timed(1, lambda _: ("GET", "/model-catalog?limit=50"))[0]
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.times.sort()

    @property
    def words(self):
        return f"pages of another client meanwhile: p50 {rank(self.times, 0.5):.1f} ms, p99 {rank(self.times, 0.99):.1f} ms"


def bench_catalogs(options, report):
    chance = random.Random(1)
    rows = ROWS // 10 if options.quick else ROWS
    count = 100 if options.quick else 400
    with servers.state_folder() as state, servers.comfyd(options.bin, {"catalogs": {}}, state=state) as server:
        client = Client(server, state)
        begin = time.monotonic()
        for start in range(0, rows - IMPORTED if rows > IMPORTED else 0, BATCH):
            client.send(
                "POST", "/model-catalog/import?format=jsonl", lines(range(start, start + BATCH), chance),
                "application/jsonl")
        bench_import(client, server, state, rows, chance, report)
        print(f"    {rows:,} rows after {time.monotonic() - begin:.1f} s", file=sys.stderr)
        bench_pages(client, rows, count, report)
        bench_changes(client, rows, count, chance, report)
        bench_whole(client, server, state, rows, report)


def bench_import(client, server, state, rows, chance, report):
    """The last rows of the catalog come in one request."""
    number = min(IMPORTED, rows)
    body = lines(range(rows - number, rows), chance)
    with Others(Client(server, state)) as others:
        begin = time.monotonic()
        answer = json.loads(client.send("POST", "/model-catalog/import?format=jsonl", body, "application/jsonl"))
        elapsed = time.monotonic() - begin
    if answer["new"] != number:
        raise SystemExit(f"the import: {answer}")
    report.add(
        f"import of {number:,} models into a catalog of {rows - number:,}",
        f"{elapsed:.2f} s, {number / elapsed:,.0f} rows/s", others.words, "≤ 5 s", elapsed <= 5)


def bench_pages(client, rows, count, report):
    """Pages of fifty, by what has to be looked at to find them."""
    for name, query in (
        ("the first page", "limit=50"),
        ("filtered by status, one row of a hundred", "status=inactive&limit=50"),
        ("filtered by type, status and q", "type=vae&status=active&q=QWEN&limit=50"),
        ("q that finds one row, the oldest", "q=_0.safetensors&limit=50"),
        ("q that finds nothing", "q=no-such-name&limit=50"),
        ("q of one letter that finds nothing", "q=~&limit=50"),
        ("q that finds nothing among the inactive", "q=no-such-name&status=inactive&limit=50"),
        ("type that finds nothing", "type=none&limit=50"),
        ("the last page", f"limit=50&offset={rows - 50}"),
    ):
        times = client.timed(count, lambda _: ("GET", f"/model-catalog?{query}"))
        add(report, f"{rows:,} models, page of 50: {name}", times)


def bench_changes(client, rows, count, chance, report):
    """Durable upserts, one after the other."""
    numbers = [chance.randrange(rows) for _ in range(count)]
    existing = json.loads(client.send("GET", f"/model-catalog?limit={count}&offset={rows // 2}"))["items"]

    def change(number):
        row = {**existing[number % len(existing)], "description": f"changed {number} {numbers[number]}"}
        return "POST", "/model-catalog", json.dumps(row)

    add(report, f"{rows:,} models, upsert that changes a row", client.timed(count, change))
    new = [json.dumps(model(rows + number, chance)) for number in range(count)]
    add(report, f"{rows:,} models, upsert of a new row", client.timed(count, lambda n: ("POST", "/model-catalog", new[n])))
    add(report, "the newest 100 lines of its audit table", client.timed(count, lambda _: ("GET", "/audit")))
    add(
        report, "audit table, an actor who did nothing",
        client.timed(count, lambda _: ("GET", "/audit?actor=key:nobody")))


def bench_whole(client, server, state, rows, report):
    """The list without a limit."""
    before = server.memory()
    server.reset_peak()
    with Others(Client(server, state)) as others:
        begin, cpu = time.monotonic(), server.cpu_seconds()
        size = len(client.send("GET", "/model-catalog"))
        elapsed = time.monotonic() - begin
        cpu = server.cpu_seconds() - cpu
    growth = server.memory("VmHWM") - before
    report.add(
        f"{rows:,} models, the whole list ({size / 1e6:.0f} MB)",
        f"{elapsed:.2f} s, {cpu:.2f} s CPU, memory +{growth:.1f} MiB", others.words, "≤ 16 MiB", growth <= 16)


def add(report, name, measured):
    times, cpu = measured
    middle, late = rank(times, 0.5), rank(times, 0.99)
    report.add(
        name, f"p50 {middle:.2f} ms, p99 {late:.2f} ms, {cpu:.2f} ms CPU each", "", f"≤ {LIMIT} ms", late <= LIMIT)
