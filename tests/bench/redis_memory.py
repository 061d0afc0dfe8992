#!/usr/bin/env python3
"""redis_memory - what the sensor's keys take in Redis.

usage: redis_memory.py FIXTURE [DOMAINS]

Publishes handshakes of so many domains (default 100000) into a redis-server of its own with
redis_publish_fixture, and prints each kind of key: how many, and the bytes that MEMORY USAGE gives
for one, on average; then the whole. By hand; the README's table comes from it.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))
from check_redis import Server  # noqa: E402

SAMPLE = 2000
KINDS = ("usage:h", "usage:d", "applied", "buckets", "clients:all", "clients:legacy", "legacy",
         "legacy_clients", "top", "domains", "days", "sensors", "health", "health_applied", "seen",
         "alerts")


def kind_of(key):
    name = key.split(b":")[1].decode()
    if name == "usage":
        return "usage:d" if re.search(rb":d:\d{8}$", key) else "usage:h"
    if name == "clients":
        return "clients:legacy" if b"}:legacy:" in key else "clients:all"
    return name


def memory(server):
    return int(server.ask("INFO", "memory").split(b"used_memory:")[1].split(b"\r")[0])


def main():
    fixture, domains = sys.argv[1], int((sys.argv[2:] or [100000])[0])
    server = Server()
    try:
        empty = memory(server)
        with tempfile.TemporaryDirectory() as state:
            subprocess.run([fixture, server.url, state, "sensor-1", "-", f"live={10 * domains}",
                            "pause=0", "journal=1024", "step=10", f"domains={domains}",
                            "patience=60000"], check=True, stdout=subprocess.DEVNULL)
        kinds = {}
        for key in server.ask("KEYS", "*"):
            kinds.setdefault(kind_of(key), []).append(key)
        print(f"{10 * domains} handshakes and alerts of {domains} domains within an hour or so")
        print(f"{'keys':16} {'number':>9} {'bytes each':>11}")
        for kind in KINDS:
            keys = kinds.get(kind, [])
            some = keys[::max(1, len(keys) // SAMPLE)]
            if some:
                each = sum(server.ask("MEMORY", "USAGE", key, "SAMPLES", 0)
                           for key in some) // len(some)
                print(f"{kind:16} {len(keys):9} {each:11}")
        entries = server.ask("XLEN", "downgrd:alerts")
        for name in ("downgrd:alerts", "downgrd:seen:{downgrd:alerts}"):
            size = server.ask("MEMORY", "USAGE", name, "SAMPLES", 0)
            print(f"{name}: {size // entries} bytes for each of {entries} alerts")
        whole = memory(server) - empty
        print(f"the whole: {whole >> 20} MiB, {whole // domains} bytes a domain")
    finally:
        server.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
