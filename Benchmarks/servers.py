"""Starts and stops the servers that are measured: comfyd, the simulated ComfyUI (also comfyd) and nginx."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tree(pid):
    """A process and its children."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry))
    return found


class Server:
    """A running server; use it as a context manager."""

    def __init__(self, name, command, url, folder=None):
        self.name, self.url, self.folder = name, url, folder
        self.log = tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log", delete=False)
        begin = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.ready_after = self.wait(begin)

    def wait(self, begin):
        while time.monotonic() - begin < 30:
            try:
                urllib.request.urlopen(self.url + "/", timeout=5)
                return time.monotonic() - begin
            except urllib.error.HTTPError:
                return time.monotonic() - begin
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.002)
        raise SystemExit(f"{self.name} does not start: {open(self.log.name).read()}")

    def cpu_seconds(self):
        """User and system time of the server, its children included."""
        total = 0
        for pid in tree(self.process.pid):
            try:
                fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory(self, key="VmRSS"):
        """Resident memory in MiB; VmHWM is the highest so far."""
        text = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(rf"{key}:\s+(\d+)", text).group(1)) / 1024

    def reset_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as handle:
            handle.write("5")

    def crash(self):
        """Ends it without a chance to write anything."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        os.unlink(self.log.name)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def comfyd(binaries, plugins, name="comfyd", threads=0, parent=None, state=None):
    """Starts comfyd with these plugin sections on a port of its own.

    Its state folder is a new one below `parent`, which is removed with it, or `state`, which stays.
    """
    folder = state or tempfile.mkdtemp(prefix="bench-", dir=parent)
    port = free_port()
    configuration = {
        "listen": [f"127.0.0.1:{port}"],
        "state_dir": folder,
        "threads": threads,
        "log": {"level": "warning"},
        "limits": {"connections": 20000},
        "plugins": plugins,
    }
    path = os.path.join(folder, "comfyd.yaml")
    with open(path, "w") as handle:
        json.dump(configuration, handle)
    command = [f"{binaries}/comfyd", "run", "--config", path]
    return Server(name, command, f"http://127.0.0.1:{port}", None if state else folder)


@contextlib.contextmanager
def state_folder():
    """A folder that several daemons use one after the other."""
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def simulator(binaries, name="simulator", **settings):
    """Starts a simulated ComfyUI server that works as fast as it can."""
    section = {"step_delay": "0s", "node_delay": "0s", "previews": False, **settings}
    # It writes an image per job, and a file system that has just lost thousands of files is slow to make new ones.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return comfyd(binaries, {"simulator": section}, name, parent=memory)


def nginx(locations, upstreams=(), workers=1):
    """Starts nginx with these locations in one server block."""
    folder = tempfile.mkdtemp(prefix="bench-")
    port = free_port()
    text = f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 100000000; proxy_max_temp_file_size 0; client_max_body_size 64m; default_type application/json;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  {" ".join(f"upstream {n} {{ server {address}; keepalive 64; }}" for n, address in upstreams)}
  server {{ listen 127.0.0.1:{port} backlog=4096; {" ".join(locations)} }}
}}"""
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as handle:
        handle.write(text)
    return Server("nginx", ["nginx", "-c", path, "-p", folder], f"http://127.0.0.1:{port}", folder)


def standin(delay=0.0):
    """Starts a stand-in for as many ComfyUI servers as addresses of it are used, see standin.py."""
    port = free_port()
    script = os.path.join(os.path.dirname(__file__), "standin.py")
    command = [sys.executable, script, "--port", str(port), "--delay", str(delay)]
    return Server("stand-in", command, f"http://127.0.0.1:{port}")


def addresses(server, count):
    """URLs of `count` servers of a stand-in, each with an address of its own."""
    port = server.url.rpartition(":")[2]
    return [f"http://127.0.{1 + i // 250}.{1 + i % 250}:{port}" for i in range(count)]
