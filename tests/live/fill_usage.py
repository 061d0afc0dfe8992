#!/usr/bin/env python3
"""fill_usage - fills a Redis with what sensors would have published over many days.

usage: fill_usage.py SOCKET [--domains N] [--days N] [--handshakes N] [--sensors N] [--seed N]
                     [--until EPOCH_SECONDS] [--no-all] [--alerts N]

Writes the keys that sensor/publish/redis_keys.h documents, raw RESP over a Unix socket, many
commands at a time. Domains are active by Zipf's law: HANDSHAKES a day (default 100,000) spread over
DOMAINS (100,000), so that the leading ones are seen every day and most of the others on a few days.
A tenth of the domains have legacy clients. The figures depend on the seed alone.

site-0.example is the busiest; among the leading ones are made to be told apart: safe.example (no
legacy), nearly.example (a little), never.example (much), server.example (the server's fault).
Python 3 standard library only.
"""
import argparse
import collections
import random
import socket
import sys
import time

FIELDS = ("handshakes", "tls1.3", "tls1.2", "tls1.1", "tls1.0", "max.tls1.3", "max.tls1.2",
          "max.tls1.0", "limit.client", "limit.server", "legacy.client", "legacy.server",
          "completed", "half_seen", "inconclusive", "resumed", "resumed_legacy")
NAMED = ("safe.example", "nearly.example", "never.example", "server.example")
DAY_TTL, HOUR_TTL = 400 * 86400, 14 * 86400
HOURS_KEPT = 14
BATCH_BYTES = 1 << 20


class Pipe:
    """Commands without waiting for each answer; any error answer ends the run."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(path)
        self.parts, self.size, self.waiting, self.rest = [], 0, 0, b""

    def add(self, *words):
        line = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            line.append(b"$%d\r\n%b\r\n" % (len(word), word))
        text = b"".join(line)
        self.parts.append(text)
        self.size += len(text)
        self.waiting += 1
        if self.size > BATCH_BYTES:
            self.flush()

    def flush(self):
        """One line an answer, and before that of XADD, a text, one with its length."""
        self.link.sendall(b"".join(self.parts))
        while self.waiting:
            got = self.link.recv(1 << 20)
            if not got:
                raise EOFError("Redis closed the connection")
            lines = (self.rest + got).split(b"\r\n")
            self.rest = lines.pop()
            for line in lines:
                self.waiting -= 0 if line.startswith(b"$") else 1
                if line.startswith(b"-"):
                    raise RuntimeError(line.decode())
        self.parts, self.size = [], 0


def name_of(rank):
    return NAMED[rank - 1] if 1 <= rank <= len(NAMED) else f"site-{rank}.example"


def day_text(day):
    return time.strftime("%Y%m%d", time.gmtime(day * 86400))


def count_of(rng, mean):
    """A Poisson number; for large means a normal one."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, mean ** 0.5)))
    limit, product, count = 2.718281828 ** -mean, rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def legacy_share(rank, name):
    if name in NAMED:
        return {"safe.example": 0, "nearly.example": 0.0004, "never.example": 0.4,
                "server.example": 0.3}[name]
    return 0.02 if rank % 10 == 7 else 0


def counters(rng, rank, name, count):
    """One domain's figures of a day (or an hour) with `count` handshakes."""
    half = count // 50
    answered = count - half
    legacy = min(answered, count_of(rng, answered * legacy_share(rank, name)))
    by_server = legacy if name == "server.example" else 0
    new = (answered - legacy) * 3 // 4
    values = collections.Counter({
        "handshakes": count, "tls1.3": new, "tls1.2": answered - legacy - new,
        "tls1.1": legacy // 4, "tls1.0": legacy - legacy // 4,
        "max.tls1.3": count - (legacy - by_server), "max.tls1.0": legacy - by_server,
        "limit.client": legacy - by_server, "limit.server": answered - legacy - new + by_server,
        "legacy.client": legacy - by_server, "legacy.server": by_server,
        "completed": answered, "half_seen": half, "resumed": answered // 3,
        "resumed_legacy": legacy // 3})
    return values, legacy


class Filler:
    def __init__(self, options):
        self.pipe = Pipe(options.socket)
        self.options = options
        self.rng = random.Random(options.seed)
        self.until_day = int(options.until) // 86400
        self.seen = {}
        self.total = collections.Counter()
        self.hashes = 0

    def hash(self, key, values, legacy, first_us, last_us, ttl):
        flat = [word for field in FIELDS if values[field] for word in (field, values[field])]
        flat += ["first_seen", first_us, "last_seen", last_us]
        if legacy:
            per_minute = max(1, legacy // 50)
            flat += ["peak_legacy_per_min", per_minute,
                     "peak_legacy_per_s", max(1, per_minute // 8),
                     "peak_legacy_full_per_s", max(1, per_minute // 12), "last_legacy", last_us]
        self.pipe.add("HSET", key, *flat)
        self.pipe.add("EXPIRE", key, ttl)
        self.hashes += 1

    def domain_day(self, name, sensor, day, values, legacy, clients):
        begin_us = day * 86400 * 10 ** 6
        stamp = day_text(day)
        self.hash(f"downgrd:usage:{{{name}}}:{sensor}:d:{stamp}", values, legacy,
                  begin_us + 3600 * 10 ** 6, begin_us + 86399 * 10 ** 6, DAY_TTL)
        if day > self.until_day - HOURS_KEPT:
            hour = 10 + len(name) % 12
            self.hash(f"downgrd:usage:{{{name}}}:{sensor}:h:{stamp}{hour:02d}", values, legacy,
                      begin_us + hour * 3600 * 10 ** 6, begin_us + (hour * 3600 + 3599) * 10 ** 6,
                      HOUR_TTL)
        self.pipe.add("ZADD", f"downgrd:buckets:{{{name}}}", int(stamp), f"{stamp}:{sensor}")
        addresses = [f"198.18.{c >> 8 & 255}.{c & 255}" for c in clients]
        self.pipe.add("PFADD", f"downgrd:clients:{{{name}}}:all:{stamp}", *addresses)
        if legacy:
            old = addresses[:max(1, min(legacy, len(addresses) // 4))]
            self.pipe.add("PFADD", f"downgrd:clients:{{{name}}}:legacy:{stamp}", *old)
            for address in old if name != "_all" else ():
                self.pipe.add("ZADD", f"downgrd:legacy:{{{name}}}", "GT",
                              begin_us + 80000 * 10 ** 6, address)
                self.pipe.add("HSET", f"downgrd:legacy_clients:{{{name}}}", address,
                              f"{legacy} tls1.0 t10d0907h1_{len(name):012x}_{len(address):012x}")
            return len(old)
        return 0

    def rank(self, day, kind, sensor, scores):
        key = f"downgrd:top:{{{day_text(day)}}}:{kind}" + (f":{sensor}" if sensor else "")
        leading = sorted(scores.items(), key=lambda item: -item[1])[:10000]
        for at in range(0, len(leading), 500):
            flat = [word for name, score in leading[at:at + 500] for word in (score, name)]
            self.pipe.add("ZADD", key, *flat)
        if leading:
            self.pipe.add("EXPIRE", key, DAY_TTL)

    def day(self, day, sensor):
        options, rng = self.options, self.rng
        stamp = day_text(day)
        weights = sum(1 / (rank + 1) for rank in range(options.domains))
        total, total_legacy = collections.Counter(), 0
        tops = {"handshakes": {}, "legacy": {}, "legacy_clients": {}}
        for rank in range(options.domains):
            count = count_of(rng, options.handshakes / weights / (rank + 1) / options.sensors)
            if count == 0:
                continue
            name = name_of(rank)
            values, legacy = counters(rng, rank, name, count)
            spread = 8 if name == "nearly.example" else min(count, 200)
            clients = [rank * 7 + rng.randrange(spread) for _ in range(min(count, 20))]
            old = self.domain_day(name, sensor, day, values, legacy, clients)
            self.seen[name] = max(self.seen.get(name, 0), (day * 86400 + 86399) * 10 ** 6)
            tops["handshakes"][name] = count
            if legacy:
                tops["legacy"][name] = legacy
                tops["legacy_clients"][name] = old
            total.update(values)
            total_legacy += legacy
        if not options.no_all:
            self.domain_day("_all", sensor, day, total, total_legacy,
                            [rng.randrange(60000) for _ in range(2000)])
        self.total += total
        for kind, scores in tops.items():
            self.rank(day, kind, "" if kind == "legacy_clients" else sensor, scores)
        self.health(day, stamp, sensor, total)

    def health(self, day, stamp, sensor, total):
        last_us = (day * 86400 + 86399) * 10 ** 6
        figures = {"packets": 20 * total["handshakes"], "bytes": 9000 * total["handshakes"],
                   "packets_dropped": total["handshakes"] // 100, "flows": total["handshakes"],
                   "handshakes": total["handshakes"], "half_seen": total["half_seen"],
                   "inconclusive": 0, "sources": 1}
        flat = [word for item in figures.items() for word in item]
        self.pipe.add("HSET", f"downgrd:health:{{{sensor}}}:d:{stamp}", *flat)
        self.pipe.add("HSET", f"downgrd:health:{{{sensor}}}", *flat, "source", "eth0",
                      "last_seen", last_us, "published", last_us, "lag_us", 1500000,
                      "journal_bytes", 1 << 20, "journal_unpublished", 12, "alive", last_us)
        self.pipe.add("ZADD", "downgrd:days", int(stamp), f"{stamp}:{sensor}")
        self.pipe.add("ZADD", "downgrd:sensors", "GT", last_us, sensor)

    def alerts(self):
        for number in range(self.options.alerts):
            name = name_of(number % 50)
            self.pipe.add(
                "XADD", "downgrd:alerts", "*", "kind", "downgrade-sentinel", "class", "attack",
                "severity", 1, "confidence", "high", "domain", name, "sensor", "tap-0", "client",
                "198.18.0.1 40000", "server", "203.0.113.1 443", "id", f"{number:032x}", "time",
                self.until_day * 86400 * 10 ** 6 + number, "eve", "{}")

    def run(self):
        for day in range(self.until_day - self.options.days + 1, self.until_day + 1):
            for sensor in range(self.options.sensors):
                self.day(day, f"tap-{sensor}")
        for name, last_us in self.seen.items():
            self.pipe.add("ZADD", "downgrd:domains", last_us, name)
            self.pipe.add("EXPIRE", f"downgrd:buckets:{{{name}}}", DAY_TTL)
        self.alerts()
        self.pipe.flush()
        self.pipe.link.close()


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("socket")
    parser.add_argument("--domains", type=int, default=100000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--handshakes", type=int, default=100000)
    parser.add_argument("--sensors", type=int, default=1)
    parser.add_argument("--alerts", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=int, default=int(time.time()) - 86400)
    parser.add_argument("--no-all", action="store_true")
    return parser.parse_args(words)


def fill(words):
    """For a test's use: fills, and returns the filler with what it wrote (seen, total, hashes)."""
    filler = Filler(parse(words))
    filler.run()
    return filler


if __name__ == "__main__":
    begun = time.monotonic()
    done = fill(sys.argv[1:])
    print(f"{len(done.seen)} domains, {done.hashes} hashes, {time.monotonic() - begun:.0f} s")
