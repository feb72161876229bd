"""Measures comfyd beside nginx and the bare simulated server; see run.sh."""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
import urllib.request

import agents
import catalogs
import load
import presence
import scale
import servers


VERDICTS = {True: "yes", False: "**no**", None: "–"}


class Report:
    """The rows of the table; `met` is None where there is no target."""

    def __init__(self):
        self.rows = []

    def add(self, work, ours, beside, target, met):
        self.rows.append((work, ours, beside, target, met))
        print(f"  {work}: {ours} | {beside}", file=sys.stderr)

    def print(self):
        cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
        print(f"Machine: {cpu}, {os.cpu_count()} cores, Linux {platform.release()}; {time.strftime('%Y-%m-%d')}.")
        print("Load generator and servers share the cores; ratios count, not absolute figures.\n")
        print("| work | comfyd | beside it | target | met |\n|---|---|---|---|---|")
        for work, ours, beside, target, met in self.rows:
            print(f"| {work} | {ours} | {beside} | {target} | {VERDICTS[met]} |")


def rate(result):
    return f"{result['rate']:,.0f}/s, {result['cpu_us']:.1f} µs CPU each"


def finished_job(gateway, seed=1):
    """Runs one job to its end and gives its id."""
    answer = load.fetch(gateway.url + "/api/prompt", {"prompt": load.workflow(500, seed), "client_id": "bench"})
    for _ in range(400):
        if load.fetch(f"{gateway.url}/api/task/{answer['prompt_id']}/status")["status"] == "done":
            return answer["prompt_id"]
        time.sleep(0.02)
    raise SystemExit("a job does not finish")


STATIC = 'location = /static { return 200 \'{"status":"ok"}\'; }'


def bench_answers(options, report):
    """Static answer, status and history of a finished job, proxied GET."""
    seconds = options.seconds
    with servers.simulator(options.bin) as worker:
        address = worker.url.removeprefix("http://")
        proxy = "location /proxy/ { proxy_pass http://sim/; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        section = {"gateway": {"workers": [{"url": worker.url, "name": "sim"}]}}
        with servers.nginx([STATIC, proxy], [("sim", address)]) as web, servers.comfyd(
            options.bin, section, threads=1
        ) as gateway:
            job = finished_job(gateway)
            static = load.wrk(web, "/static", seconds)
            live = load.wrk(gateway, "/health/live", seconds)
            report.add(
                "static answer (`/health/live`), one loop", rate(live), f"nginx `return 200`: {rate(static)}",
                "≤ 1.5 × nginx's CPU", live["cpu_us"] <= 1.5 * static["cpu_us"])
            for name in ("status", "history"):
                path = f"/api/task/{job}/status" if name == "status" else f"/api/history/{job}"
                ours = load.wrk(gateway, path, seconds)
                met = ours["rate"] >= 30_000 and ours["cpu_us"] <= 1.5 * static["cpu_us"]
                report.add(
                    f"{name} of a finished job, from memory, one loop", rate(ours), f"nginx static: {rate(static)}",
                    "≥ 30,000/s, ≤ 1.5 × nginx's CPU", met)
            entry = load.fetch(f"{gateway.url}/api/history/{job}")[job]
            image = next(iter(entry["outputs"].values()))["images"][0]
            query = f"view?filename={image['filename']}&subfolder={image['subfolder']}&type={image['type']}"
            ours = load.wrk(gateway, f"/api/{query}&prompt_id={job}", seconds)
            theirs = load.wrk(web, f"/proxy/{query}", seconds)
            report.add(
                "proxied small GET (`/view`)", rate(ours), f"nginx `proxy_pass`: {rate(theirs)}",
                "≤ 1.3 × nginx's CPU", ours["cpu_us"] <= 1.3 * theirs["cpu_us"])


def bench_stored(options, report):
    """Status and history of finished jobs after a restart, all read from storage: the cache is off."""
    with servers.simulator(options.bin) as worker, servers.state_folder() as state:
        section = {"gateway": {"workers": [{"url": worker.url, "name": "sim"}], "result_cache": 0}}
        with servers.nginx([STATIC]) as web, servers.comfyd(options.bin, section, state=state) as gateway:
            static = load.wrk(web, "/static", options.seconds)
            jobs = [finished_job(gateway, seed) for seed in range(200)]
        with servers.comfyd(options.bin, section, threads=1, state=state) as gateway:
            for name in ("status", "history"):
                form = "/api/task/{}/status" if name == "status" else "/api/history/{}"
                ours = load.wrk_paths(gateway, [form.format(job) for job in jobs], options.seconds)
                report.add(
                    f"{name} of a finished job, from storage after a restart, one loop", rate(ours),
                    f"nginx static: {rate(static)}", "", None)


def bench_submits(options, report):
    """Durable submits of a 20 kB workflow by 64 clients: straight through, and with priority into the queue."""
    with servers.simulator(options.bin) as bare:
        base = load.submit_load(bare, options.seconds, 64)
    variants = (
        ("straight to the worker", {"max_in_flight": 1000}, {}),
        ("with `priority`, 100 callers", {}, {"callers": 100, "priorities": 5}),
    )
    for name, settings, kind in variants:
        with servers.simulator(options.bin) as worker:
            settings = {"queue_limit": 1_000_000, **settings}
            section = {"gateway": {"workers": [{"url": worker.url, "name": "sim"}], **settings}}
            with servers.comfyd(options.bin, section) as gateway:
                finished_job(gateway)
                ours = load.submit_load(gateway, options.seconds, 64, **kind)
        report.add(
            f"durable `POST /api/prompt`, 20 kB, 64 clients, {name}",
            f"{ours['rate']:,.0f}/s, p50 {ours['p50']:.1f} ms, p99 {ours['p99']:.1f} ms",
            f"bare simulator: {base['rate']:,.0f}/s, p50 {base['p50']:.1f} ms, p99 {base['p99']:.1f} ms",
            "≥ 2,000/s, p99 at most 25 ms more", ours["rate"] >= 2000 and ours["p99"] - base["p99"] <= 25)


def download(url):
    begin = time.perf_counter()
    size = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", url],
        capture_output=True, text=True, check=True).stdout.split()
    if size[0] != "200":
        raise SystemExit(f"{url}: {size[0]}")
    return int(size[1]) / (time.perf_counter() - begin) / 1e6


def bench_view(options, report):
    """A file of 1 GiB through the gateway and through nginx, from the same simulated server."""
    size = 1 << 30
    with servers.simulator(options.bin, big_file_bytes=size) as worker:
        address = worker.url.removeprefix("http://")
        proxy = "location / { proxy_pass http://sim/; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        section = {"gateway": {"workers": [{"url": worker.url, "name": "sim"}]}}
        with servers.nginx([proxy], [("sim", address)]) as web, servers.comfyd(options.bin, section) as gateway:
            job = finished_job(gateway)
            url = f"{gateway.url}/api/view?filename=big.bin&type=output&prompt_id={job}"
            before = gateway.memory()
            gateway.reset_peak()
            ours = max(download(url) for _ in range(3))
            growth = gateway.memory("VmHWM") - before
            theirs = max(download(f"{web.url}/view?filename=big.bin&type=output") for _ in range(3))
            report.add(
                "`/view`, 1 GiB", f"{ours:,.0f} MB/s, memory +{growth:.1f} MiB", f"nginx: {theirs:,.0f} MB/s",
                "≥ 0.8 × nginx, ≤ 16 MiB", ours >= 0.8 * theirs and growth <= 16)


def bench_memory(options, report):
    """Idle memory and time to ready with the gateway only and with all plugins."""
    names = sorted(f[3:-3].lower() for f in os.listdir(options.bin) if f.startswith("lib") and f.endswith(".so"))
    # The simulator imitates a server, it is no part of a deployment.
    every = [n for n in names if n not in ("pluginapi", "comfyui", "simulator")]
    for label, plugins, limit in (("gateway only", ["gateway"], 30), (f"all plugins ({', '.join(every)})", every, 45)):
        starts = []
        for _ in range(3):
            with servers.comfyd(options.bin, {name: {} for name in plugins}) as server:
                starts.append(server.ready_after)
                time.sleep(2)
                memory = server.memory()
        ready = sorted(starts)[1] * 1000
        report.add(
            f"idle, {label}", f"{memory:.1f} MiB resident, ready in {ready:.0f} ms", "", f"≤ {limit} MiB, ≤ 200 ms",
            memory <= limit and ready <= 200)


async def idle_sockets(server, count, report):
    before = server.memory()
    pairs = await load.open_sockets(server.url, count)
    await asyncio.sleep(1)
    memory = server.memory()
    report.add(
        f"{count:,} idle WebSockets", f"{memory:.0f} MiB resident ({(memory - before) * 1024 / count:.1f} kB each)",
        f"before: {before:.0f} MiB", "≤ 200 MiB", memory <= 200)
    # A status message goes to every socket when a job is queued.
    sockets = pairs[:1000]
    begin = time.perf_counter()
    readers = [asyncio.create_task(load.read_frame(reader)) for reader, _ in sockets]
    body = {"prompt": load.workflow(300, 77), "client_id": "nobody"}
    await asyncio.to_thread(load.fetch, server.url + "/prompt", body)
    await asyncio.gather(*readers)
    elapsed = (time.perf_counter() - begin) * 1000
    if count == 1000:
        report.add(
            "one event to 1,000 WebSockets, as read by one Python client", f"{elapsed:.0f} ms", "", "≤ 20 ms", elapsed <= 20)
    for _, writer in pairs:
        writer.close()


def bench_sockets(options, report):
    for count in (1000,) if options.quick else (1000, 10_000):
        with servers.simulator(options.bin) as server:
            asyncio.run(idle_sockets(server, count, report))


BENCHES = {
    "answers": bench_answers,
    "stored": bench_stored,
    "submits": bench_submits,
    "workers": scale.bench_workers,
    "waiting": scale.bench_waiting,
    "catalogs": catalogs.bench_catalogs,
    "agents": agents.bench_agents,
    "view": bench_view,
    "memory": bench_memory,
    "sockets": bench_sockets,
    "presence": presence.bench_presence,
}
# In real time, and long: only when it is named.
ON_REQUEST = {"presence"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the release build")
    parser.add_argument("--quick", action="store_true")
    sections = f"some of: {' '.join(BENCHES)}; default: all but {' '.join(ON_REQUEST)}"
    parser.add_argument("sections", nargs="*", metavar="section", help=sections)
    options = parser.parse_args()
    for name in options.sections:
        if name not in BENCHES:
            parser.error(f"no section {name}; there are: {' '.join(BENCHES)}")
    options.seconds = 3 if options.quick else 8
    report = Report()
    for name in options.sections or [name for name in BENCHES if name not in ON_REQUEST]:
        print(f"{name} ...", file=sys.stderr)
        BENCHES[name](options, report)
    report.print()


if __name__ == "__main__":
    main()
