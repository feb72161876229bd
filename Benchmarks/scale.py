"""Many registered workers and many waiting jobs."""

import os
import subprocess
import sys
import time

import load
import servers

WORKERS = 1000
WAITING = 100_000
CALLERS = 500


def within(seconds, what, condition):
    """Waits until something is so and gives the time it took."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if condition():
            return time.monotonic() - begin
        time.sleep(0.05)
    raise SystemExit(f"it did not happen within {seconds} s: {what}")


def decisions():
    """Microseconds of the gateway's own decisions by name and size, see Benchmarks/Engine."""
    program = os.path.join(os.path.dirname(__file__), "Engine/.build/release/EngineBenchmark")
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return {(name, int(size)): float(time) for name, size, time in (line.split() for line in lines)}


def bench_workers(options, report):
    """A thousand workers with nothing to do: what does it cost to watch them?"""
    seconds = 10 if options.quick else 30
    with servers.standin() as farm:
        listed = [{"url": url, "name": f"w{i}"} for i, url in enumerate(servers.addresses(farm, WORKERS))]
        with servers.comfyd(options.bin, {"gateway": {"workers": listed}}) as gateway:
            def all_known():
                seen = load.fetch(farm.url + "/standin")
                return seen["asked"] == WORKERS and seen["connected"] == WORKERS

            known = within(60, "all workers asked and connected", all_known)
            report.add(
                f"{WORKERS:,} new workers: start to all known",
                f"{gateway.ready_after + known:.1f} s, ready after {gateway.ready_after * 1000:.0f} ms", "", "", None)
            # The first readings are spread over one interval.
            time.sleep(6)
            before, cpu, begin = load.fetch(farm.url + "/standin")["requests"], gateway.cpu_seconds(), time.monotonic()
            time.sleep(seconds)
            share = (gateway.cpu_seconds() - cpu) / (time.monotonic() - begin)
            after = load.fetch(farm.url + "/standin")["requests"]
            readings = (after["/queue"] - before["/queue"]) / seconds
            report.add(
                f"watching {WORKERS:,} idle workers",
                f"{share:.1%} of one core, {readings:.0f} readings/s, {gateway.memory():.0f} MiB resident", "",
                "≤ 15 % of one core", share <= 0.15)
            if any(not worker["healthy"] for worker in load.fetch(gateway.url + "/api/workers")["workers"]):
                raise SystemExit("not all workers are healthy")
    times = decisions()
    choose = times["choose", WORKERS]
    report.add(
        f"choosing among {WORKERS:,} workers", f"{choose:.2f} µs", f"among 4: {times['choose', 4]:.2f} µs", "≤ 10 µs",
        choose <= 10)


def waiting(gateway):
    """How many jobs wait, as the gateway counts them."""
    return load.fetch(f"{gateway.url}/api/tasks?state=queued&limit=1")["total"]


def fill(gateway, count, seconds):
    """Submits until so many jobs wait; gives the first and the last measurement and how many were acknowledged."""
    runs, acknowledged = [], 0
    while acknowledged < count or len(runs) < 2:
        runs.append(load.submit_load(gateway, seconds, 64, size=1000, callers=CALLERS, priorities=5))
        acknowledged += runs[-1]["total"]
        print(f"    {acknowledged:,} waiting, {runs[-1]['rate']:,.0f}/s", file=sys.stderr)
    return runs[0], runs[-1], acknowledged


def bench_waiting(options, report):
    """A hundred thousand jobs of several hundred callers and five priorities wait; the daemon crashes and starts."""
    count = WAITING // 10 if options.quick else WAITING
    section = {"gateway": {"queue_limit": 10 * WAITING}}
    with servers.state_folder() as state, servers.standin() as farm:
        with servers.comfyd(options.bin, section, state=state) as gateway:
            empty = gateway.memory()
            first, last, acknowledged = fill(gateway, count, 1 if options.quick else 4)
            # What was cut off when the load stopped may still be on its way to the disk.
            time.sleep(1)
            before = waiting(gateway)
            memory = gateway.memory()
            gateway.crash()
        report.add(
            f"submits with {before:,} waiting (1 kB, {CALLERS} callers, 5 priorities)",
            f"{last['rate']:,.0f}/s, p99 {last['p99']:.1f} ms, {last['cpu_us']:.0f} µs CPU each",
            f"none waiting: {first['rate']:,.0f}/s, p99 {first['p99']:.1f} ms, {first['cpu_us']:.0f} µs CPU each",
            "O(log n): ≤ 1.3 × the CPU", last["cpu_us"] <= 1.3 * first["cpu_us"])
        with servers.comfyd(options.bin, section, state=state) as gateway:
            ready = gateway.ready_after
            after = waiting(gateway)
            report.add(
                f"restart after `kill -9` with {before:,} waiting",
                f"ready in {ready:.2f} s, {after:,} waiting, {gateway.memory():.0f} MiB resident",
                f"acknowledged: {acknowledged:,}; before: {empty:.0f} MiB empty, {memory:.0f} MiB full",
                "≤ 2 s, nothing lost", ready <= 2 and after == before >= acknowledged)
            drain(gateway, farm, options.seconds, after, report)
    times = decisions()
    big, small = max(size for name, size in times if name == "take"), min(size for name, size in times if name == "take")
    report.add(
        f"queue alone, {big:,} waiting: add, take, position",
        ", ".join(f"{times[name, big]:.2f} µs" for name in ("add", "take", "position")),
        f"{small:,} waiting: " + ", ".join(f"{times[name, small]:.2f} µs" for name in ("add", "take", "position")),
        "O(log n): ≤ 3 × for 100 × as many",
        all(times[name, big] <= 3 * times[name, small] for name in ("add", "take")))


def drain(gateway, farm, seconds, count, report):
    """Workers come: how fast do they get the waiting jobs?"""
    for index, url in enumerate(servers.addresses(farm, 100)):
        load.fetch(gateway.url + "/api/workers", {"url": url, "name": f"w{index}"})
    begin, cpu, other = time.monotonic(), gateway.cpu_seconds(), farm.cpu_seconds()
    before = load.fetch(farm.url + "/standin")["requests"].get("/prompt", 0)
    time.sleep(seconds)
    taken = load.fetch(farm.url + "/standin")["requests"]["/prompt"] - before
    elapsed = time.monotonic() - begin
    report.add(
        f"waiting jobs run by 100 workers, {count:,} waiting at first",
        f"{taken / elapsed:,.0f}/s, {(gateway.cpu_seconds() - cpu) / taken * 1e6:.0f} µs CPU each",
        f"the workers' own CPU: {(farm.cpu_seconds() - other) / elapsed:.0%} of a core", "", None)
