#!/usr/bin/env python3
"""check_exactly_once - every handshake counted once and every alert in the stream once, under faults.

usage: check_exactly_once.py FIXTURE DOWNGRD DOWNGRDCTL [--seed N] [--faults N] [--items N] [--volume N]
                             [--restarts N] [unittest options]

A made-up interface (redis_publish_fixture live=N) or a capture is published to a real redis-server
through a proxy of this test, while faults are injected from a seed: the connection cut after some
bytes in either direction, answers held back past the time-out (the command was executed), the server
killed and started again with all, some or none of its data, frozen, out of memory, without its
scripts, failed over to a replica that missed the last writes; the sensor killed with -9. What is in
Redis at the end must equal what an undisturbed run leaves.

FIXTURE (redis_publish_fixture.c) knows after a kill which item it was at. Status 77 when
redis-server is not there. Python 3 standard library only.
"""
import argparse
import contextlib
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from check_redis import Server, die_with_parent, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPTIONS = None
PATIENCE_S = 60


class DurableServer(Server):
    """A server that keeps its data, or some of it, over kill -9. `keeps`: all, some or none."""

    KEEPS = {"all": ("--appendonly", "yes", "--appendfsync", "always"),
             "second": ("--appendonly", "yes", "--appendfsync", "everysec"),
             "some": ("--save", "1 1"),
             "none": ()}

    def __init__(self, keeps="all", *options):
        self.port = free_port()
        while self.port > 50000:  # a cluster's bus has a port 10000 higher
            self.port = free_port()
        super().__init__("--port", str(self.port), "--repl-diskless-sync-delay", "0",
                         *self.KEEPS[keeps], *options)

    def kill_and_restart(self):
        self.stop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)
        self.start()
        self.wait_loaded()

    def wait_loaded(self):
        for _ in range(500):
            try:
                if self.ask("PING") == b"PONG":
                    return
            except (OSError, EOFError, RuntimeError):
                pass
            time.sleep(0.02)
        raise AssertionError("redis-server is not ready")


class Proxy:
    """Passes connections on to a target that may change. A plan cuts or holds back the next one."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = set()
        self.cut = None       # (direction, bytes): of the connection that is open, from now on
        self.held_until = 0.0  # answers wait until then
        self.cuts = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=2)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()

    def due(self, direction, size):
        """How many of these bytes pass before the cut that is planned; None: all."""
        with self.lock:
            if self.cut is None or self.cut[0] != direction:
                return None
            left = self.cut[1] - size
            if left > 0:
                self.cut = (direction, left)
                return None
            passed = self.cut[1]
            self.cut = None
            self.cuts += 1
            return passed

    def pump(self, client, server):
        ends = {client: (server, "up"), server: (client, "down")}
        with self.lock:
            self.pairs.add((client, server))
        try:
            while True:
                for source in select.select(list(ends), [], [], 0.5)[0]:
                    sink, direction = ends[source]
                    data = source.recv(65536)
                    if not data:
                        return
                    if direction == "down":
                        time.sleep(max(0.0, self.held_until - time.monotonic()))
                    passed = self.due(direction, len(data))
                    sink.sendall(data if passed is None else data[:passed])
                    if passed is not None:
                        return
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.pairs.discard((client, server))
            for end in (client, server):
                end.close()

    def drop_all(self):
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        self.drop_all()


def counted(server):
    """What must be equal. Which process counted it, and when, is left out."""
    whole = {}
    for key, (kind, expires, value) in server.dump().items():
        if key.startswith(b"downgrd:health"):
            continue
        if b":applied:" in key:
            value = len(value)
        if kind == b"zset" and key == b"downgrd:sensors":
            value = value[::2]
        whole[key] = (kind, expires, value)
    return whole


def stream_ids(server):
    return [entry[1][entry[1].index(b"id") + 1]
            for entry in server.ask("XRANGE", "downgrd:alerts", "-", "+")]


class Sensor:
    """The fixture as a live sensor that is started again whenever it was killed."""

    def __init__(self, url, state, items, *options, name="lab"):
        self.words = [OPTIONS.fixture, url, state, name, "-", f"live={items}", "timeout=300",
                      f"patience={PATIENCE_S * 1000}", "domains=7", "flush=50", *options]
        self.log = tempfile.TemporaryFile()
        self.output = tempfile.TemporaryFile()
        self.kills = 0
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.words, stdout=self.output, stderr=self.log,
                                        preexec_fn=die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.start()

    def is_running(self):
        return self.process.poll() is None

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.output.close()

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()

    def finish(self):
        try:
            status = self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the sensor does not end: {self.said()}") from None
        if status != 0:
            raise AssertionError(f"the sensor ended with {status}: {self.said()}")


class Faults:
    """Injects one fault after the other, each chosen by the seed."""

    def __init__(self, chance, server, proxy, sensor):
        self.chance, self.server, self.proxy, self.sensor = chance, server, proxy, sensor
        self.done = {}

    def cut(self):
        direction = self.chance.choice(("up", "down"))
        size = self.chance.choice((1, self.chance.randrange(1, 200),
                                   self.chance.randrange(1, 60000)))
        with self.proxy.lock:
            self.proxy.cut = (direction, size)
        end = time.monotonic() + 0.5
        while self.proxy.cut is not None and time.monotonic() < end:
            time.sleep(0.005)

    def drop(self):
        self.proxy.drop_all()

    def hold(self):
        self.proxy.held_until = time.monotonic() + 0.5
        time.sleep(0.4)

    def freeze(self):
        self.server.process.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.05, 0.5))
        self.server.process.send_signal(signal.SIGCONT)

    def restart(self):
        self.server.kill_and_restart()

    def forget_scripts(self):
        self.server.ask("SCRIPT", "FLUSH")

    def fill_memory(self):
        self.server.ask("CONFIG", "SET", "maxmemory", 1)
        time.sleep(self.chance.uniform(0.05, 0.3))
        self.server.ask("CONFIG", "SET", "maxmemory", 0)

    def kill_sensor(self):
        if self.sensor.is_running():
            self.sensor.kill()

    ALL = (cut, cut, cut, drop, hold, freeze, restart, forget_scripts, fill_memory, kill_sensor,
           kill_sensor)

    def inject(self, count, kinds=ALL):
        for _ in range(count):
            if not self.sensor.is_running():
                return
            kind = self.chance.choice(kinds)
            kind(self)
            self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1
            time.sleep(self.chance.uniform(0.0, 0.15))


class ExactlyOnceCase(unittest.TestCase):
    def setUp(self):
        self.chance = random.Random(f"{OPTIONS.seed} {self.id()}")
        self.folder = tempfile.mkdtemp(prefix="downgrd-once-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def server(self, keeps="all", *options):
        server = DurableServer(keeps, *options)
        self.addCleanup(server.close)
        return server

    def proxy(self, port):
        proxy = Proxy(port)
        self.addCleanup(proxy.close)
        return proxy

    def sensor(self, port, state, items, *options, name="lab"):
        sensor = Sensor(f"redis://127.0.0.1:{port}/0", f"{self.folder}/{state}", items, *options,
                        name=name)
        self.addCleanup(sensor.close)
        return sensor

class Live(ExactlyOnceCase):
    """A made-up interface."""

    def ask_ctl(self, url):
        """What downgrdctl says, of one server as of a cluster."""
        answers = []
        for words in (("share",), ("share", "--by", "day"), ("top", "--legacy"),
                      ("alerts", "--limit", "0"), ("clients", "host1.example")):
            done = subprocess.run([OPTIONS.downgrdctl, "--redis", url, *words, "--csv"],
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            answers.append(sorted(done.stdout.splitlines()))
        return answers

    def undisturbed(self, items):
        server = self.calm = self.server("none")
        self.sensor(server.port, "calm", items, "pause=0").finish()
        whole, ids = counted(server), sorted(stream_ids(server))
        self.assertEqual(len(ids), items // 50)
        handshakes = sum(int(value[2][b"handshakes"]) for key, value in whole.items()
                         if b":d:" in key and b"usage" in key and b"{_all}" not in key)
        self.assertEqual(handshakes, items - items // 50)
        return whole, ids

    def check(self, server, wanted, sensor):
        whole, ids = wanted
        found = sorted(stream_ids(server))
        self.assertEqual(len(found), len(set(found)), "alerts twice")
        self.assertEqual(found, ids, sensor.said())
        self.maxDiff = 4000
        self.assertEqual(counted(server), whole, sensor.said())

    def disturb(self, keeps, kinds=Faults.ALL):
        items, faults = OPTIONS.items, OPTIONS.faults
        wanted = self.undisturbed(items)
        server = self.server(keeps)
        proxy = self.proxy(server.port)
        # Slow enough for all faults to meet it at work.
        sensor = self.sensor(proxy.port, "torn", items, f"pause={faults * 450000 // items}")
        injected = Faults(self.chance, server, proxy, sensor)
        injected.inject(faults, kinds)
        proxy.held_until = 0.0
        with proxy.lock:
            proxy.cut = None
        sensor.finish()
        print(f"{self._testMethodName}: seed {OPTIONS.seed}: {injected.done}, {proxy.cuts} cut, "
              f"{sensor.kills} kills of the sensor")
        self.assertGreater(sum(injected.done.values()), faults // 2)
        self.check(server, wanted, sensor)

    def test_server_that_keeps_everything(self):
        self.disturb("all")

    def test_server_that_keeps_some(self):
        self.disturb("some")

    def test_server_that_keeps_nothing(self):
        self.disturb("none")

    def test_fail_over_to_a_replica_that_lagged(self):
        items = OPTIONS.items
        wanted = self.undisturbed(items)
        primary = self.server("none")
        proxy = self.proxy(primary.port)
        sensor = self.sensor(proxy.port, "torn", items, "pause=700")
        for _ in range(3):
            replica = self.server("none")
            replica.ask("REPLICAOF", "127.0.0.1", primary.port)
            for _ in range(200):
                if b"master_link_status:up" in replica.ask("INFO", "replication"):
                    break
                time.sleep(0.02)
            time.sleep(self.chance.uniform(0.3, 0.8))
            replica.ask("REPLICAOF", "NO", "ONE")  # from here on it misses what is written
            missed = int(primary.ask("INFO", "replication").split(b"master_repl_offset:")[1]
                         .split(b"\r")[0])
            time.sleep(1.2)
            later = int(primary.ask("INFO", "replication").split(b"master_repl_offset:")[1]
                        .split(b"\r")[0])
            self.assertGreater(later, missed, "the primary was given nothing meanwhile")
            proxy.target = replica.port
            primary.stop()
            proxy.drop_all()
            primary = replica
        sensor.finish()
        self.assertIn("sent again", sensor.said())
        self.check(primary, wanted, sensor)

    def test_two_sensors_share(self):
        items = OPTIONS.items // 2
        server = self.server("all")
        proxy = self.proxy(server.port)
        first = self.sensor(proxy.port, "first", items, "pause=500")
        second = self.sensor(proxy.port, "second", items, "pause=500", "ids=1000000", name="lab2")
        Faults(self.chance, server, proxy, first).inject(OPTIONS.faults // 3)
        first.finish()
        second.finish()
        found = stream_ids(server)
        self.assertEqual(len(found), len(set(found)))
        for sensor in (b"lab", b"lab2"):
            total = sum(int(value[2][b"handshakes"]) for key, value in counted(server).items()
                        if key.startswith(b"downgrd:usage:") and b":" + sensor + b":d:" in key
                        and b"{_all}" not in key)
            self.assertEqual(total, items - items // 50, sensor)


class Cluster:
    """Three nodes, each announced at a proxy."""

    def __init__(self, case):
        self.proxies, self.nodes = [], []
        for _ in range(3):
            proxy = case.proxy(0)
            node = case.server("all", "--cluster-enabled", "yes", "--cluster-node-timeout", "3000",
                               "--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port",
                               str(proxy.port), "--cluster-require-full-coverage", "no")
            proxy.target = node.port
            self.proxies.append(proxy)
            self.nodes.append(node)
        self.ids = [node.ask("CLUSTER", "MYID") for node in self.nodes]
        bounds = (0, 5000, 11000, 16384)
        for i, node in enumerate(self.nodes):
            node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.port + 10000)
        for node in self.nodes:
            self.wait(node, lambda n: b"cluster_state:ok" in n.ask("CLUSTER", "INFO") and
                      b"cluster_slots_assigned:16384" in n.ask("CLUSTER", "INFO"))

    @staticmethod
    def wait(node, is_ready):
        for _ in range(500):
            if is_ready(node):
                return
            time.sleep(0.02)
        raise AssertionError(node.ask("CLUSTER", "INFO"))

    def owner(self, slot):
        for first, last, primary, *_ in self.nodes[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return self.ids.index(primary[2])
        raise AssertionError(f"nobody has slot {slot}")

    def wait_up(self):
        for node in self.nodes:  # one that was restarted takes no writes at first
            self.wait(node, lambda n: b"cluster_state:ok" in n.ask("CLUSTER", "INFO"))

    def move(self, key, pause, finishes=True):
        """Moves the key's slot to another node, key by key, slowly enough to be met in between.
        Without `finishes` the old node goes on having the slot, and says where its keys are."""
        self.wait_up()
        slot = self.nodes[0].ask("CLUSTER", "KEYSLOT", key)
        source = self.owner(slot)
        target = (source + 1) % 3
        self.nodes[target].ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.ids[source])
        self.nodes[source].ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.ids[target])
        while keys := self.nodes[source].ask("CLUSTER", "GETKEYSINSLOT", slot, 3):
            for name in keys:
                self.nodes[source].ask("MIGRATE", "127.0.0.1", self.nodes[target].port, name, 0,
                                       2000)
            time.sleep(pause)
        for i in (target, source, 3 - target - source) if finishes else ():
            self.nodes[i].ask("CLUSTER", "SETSLOT", slot, "NODE", self.ids[target])

    def counted(self):
        whole = {}
        for node in self.nodes:
            whole.update(counted(node))
        return whole

    def stream_ids(self):
        slot = self.nodes[0].ask("CLUSTER", "KEYSLOT", "downgrd:alerts")
        return stream_ids(self.nodes[self.owner(slot)])


def redis_alerts_slot(cluster):
    return cluster.nodes[0].ask("CLUSTER", "KEYSLOT", "downgrd:alerts")


def asked(node):
    """How often it was told ASKING."""
    found = [line for line in node.ask("INFO", "commandstats").splitlines()
             if line.startswith(b"cmdstat_asking:calls=")]
    return int(found[0].split(b"=")[1].split(b",")[0]) if found else 0


class Clusters(Live):
    def test_slots_move_and_nodes_restart(self):
        items = OPTIONS.items
        wanted, ids = self.undisturbed(items)
        answers = self.ask_ctl(self.calm.url)
        cluster = Cluster(self)
        url = f"{cluster.proxies[0].port},127.0.0.1:{cluster.proxies[1].port}"
        sensor = self.sensor(url, "torn", items, "pause=1200")
        keys = [f"{{host{n}.example}}" for n in range(7)] + ["downgrd:alerts", "downgrd:domains"]
        moves = restarts = 0
        plan = ["move", "move", "move", Faults.cut, Faults.restart, Faults.kill_sensor]
        plan *= max(1, OPTIONS.faults // 12)
        self.chance.shuffle(plan)
        for kind in plan:
            number = self.chance.randrange(3)
            faults = Faults(self.chance, cluster.nodes[number], cluster.proxies[number], sensor)
            if kind == "move":
                cluster.move(self.chance.choice(keys), self.chance.choice((0.0, 0.02, 0.1)))
                moves += 1
            else:
                kind(faults)
                restarts += kind is Faults.restart
            time.sleep(self.chance.uniform(0.0, 0.2))
        self.assertTrue(sensor.is_running())
        cluster.wait_up()
        # A slot that is half moved and has no key yet takes no script of two keys: TRYAGAIN, until it is moved.
        cluster.wait(cluster.nodes[cluster.owner(redis_alerts_slot(cluster))],
                     lambda node: node.ask("EXISTS", "downgrd:alerts") == 1)
        cluster.move("downgrd:alerts", 0.0, finishes=False)
        moved_to = cluster.nodes[(cluster.owner(redis_alerts_slot(cluster)) + 1) % 3]
        before = asked(moved_to)
        for proxy in cluster.proxies:
            with proxy.lock:
                proxy.cut = None
        sensor.finish()
        self.assertGreater(asked(moved_to), before)
        cluster.move("downgrd:alerts", 0.0)
        print(f"cluster: seed {OPTIONS.seed}: {moves} slots moved, {restarts} nodes restarted, "
              f"{sensor.kills} kills of the sensor")
        self.assertGreaterEqual(moves, 3)
        self.assertEqual(sorted(cluster.stream_ids()), ids, sensor.said())
        self.maxDiff = 4000
        self.assertEqual(cluster.counted(), wanted, sensor.said())
        self.assertEqual(self.ask_ctl(f"redis://127.0.0.1:{url}"), answers)

    # Those of Live run there.
    test_server_that_keeps_everything = test_server_that_keeps_some = None
    test_server_that_keeps_nothing = test_fail_over_to_a_replica_that_lagged = None
    test_two_sensors_share = None


class Volume(ExactlyOnceCase):
    """Many domains, while the server is restarted again and again."""

    def run_sensor(self, keeps, restarts):
        items = OPTIONS.volume
        server = self.server(keeps)
        begin = time.monotonic()
        sensor = self.sensor(server.port, f"volume{restarts}", items, "pause=20", "flush=1000",
                             f"domains={items // 4}", "journal=128", "step=1000")
        lag = fill = 0
        next_restart = begin + 1.0
        while sensor.is_running():
            time.sleep(0.1)
            with contextlib.suppress(OSError, EOFError, RuntimeError, TypeError):
                seen = server.ask("HMGET", "downgrd:health:{lab}", "lag_us", "journal_unpublished")
                lag, fill = max(lag, int(seen[0])), max(fill, int(seen[1]))
            if restarts > 0 and time.monotonic() > next_restart:
                server.kill_and_restart()
                restarts -= 1
                next_restart = time.monotonic() + 1.0
        sensor.finish()
        self.assertEqual(restarts, 0, "it was too fast to be met by all restarts")
        seconds = time.monotonic() - begin
        last = server.ask("HMGET", "downgrd:health:{lab}", "lag_us", "journal_unpublished",
                          "journal_dropped_ever")
        self.assertEqual(last, [b"0", b"0", b"0"])
        sensor.output.seek(0)
        cpu_ms = int(sensor.output.read().split()[1])
        return server, sensor, (seconds, cpu_ms, fill)

    def test_many_domains_and_restarts(self):
        calm, _, calm_figures = self.run_sensor("second", 0)
        torn, sensor, figures = self.run_sensor("second", OPTIONS.restarts)
        for name, (seconds, cpu_ms, fill) in (("calm", calm_figures), ("restarted", figures)):
            print(f"volume, {name}: {OPTIONS.volume} items, {OPTIONS.volume // 4} domains, "
                  f"{seconds:.1f} s, judge's side {cpu_ms} ms of CPU, "
                  f"at most {fill} unpublished")
        self.assertEqual(sorted(stream_ids(torn)), sorted(stream_ids(calm)))
        self.assertEqual(counted(torn), counted(calm), sensor.said())


class Sentinels(ExactlyOnceCase):
    def test_the_sentinel_names_the_next_primary(self):
        primary, replica = self.server("all"), self.server("all")
        replica.ask("REPLICAOF", "127.0.0.1", primary.port)
        port = free_port()
        config = pathlib.Path(self.folder, "sentinel.conf")
        config.write_text(f"port {port}\ndir {self.folder}\nsentinel resolve-hostnames no\n"
                          f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
                          "sentinel down-after-milliseconds main 500\n"
                          "sentinel failover-timeout main 3000\n")
        sentinel = subprocess.Popen(["redis-server", str(config), "--sentinel"],
                                    stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        self.addCleanup(sentinel.wait)
        self.addCleanup(sentinel.kill)
        for _ in range(300):
            if b"state=online" in primary.ask("INFO", "replication"):
                break
            time.sleep(0.02)
        time.sleep(1.5)  # the sentinel learns of the replica by INFO
        items = 6000
        sensor = Sensor(f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{port}/main",
                        f"{self.folder}/torn", items, "pause=1000")
        self.addCleanup(sensor.close)
        time.sleep(1.5)
        primary.stop()
        sensor.finish()
        found = stream_ids(replica)
        self.assertEqual(len(found), items // 50)
        self.assertEqual(len(set(found)), items // 50)
        self.assertIn(b"role:master", replica.ask("INFO", "replication"))
        total = sum(int(value[2][b"handshakes"]) for key, value in counted(replica).items()
                    if key.startswith(b"downgrd:usage:") and b":d:" in key
                    and b"{_all}" not in key)
        self.assertEqual(total, items - items // 50, sensor.said())


class Replays(ExactlyOnceCase):
    """The real sensor with the captures of pcaps/, killed and repeated."""

    def replay(self, url, state, captures, wait=True):
        words = [OPTIONS.downgrd, "-q", "--exit-zero", "--redis", url, "--state", state, "-r",
                 *captures]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   preexec_fn=die_with_parent)
        if not wait:
            return process
        _, said = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0, said)
        return process

    def health(self, server):
        return {key: value for key, (_, _, value) in server.dump().items()
                if key.startswith(b"downgrd:health:") and b":d:" in key}

    def test_killed_and_repeated(self):
        captures = sorted(map(str, (ROOT / "pcaps").glob("*.pcap*")))
        calm = self.server("none")
        self.replay(f"unix://{calm.socket}", f"{self.folder}/calm", captures)
        wanted, ids, health = counted(calm), sorted(stream_ids(calm)), self.health(calm)
        self.assertGreater(len(ids), 10)
        server = self.server("some")
        proxy = self.proxy(server.port)
        url = f"redis://127.0.0.1:{proxy.port}/0"
        for _ in range(OPTIONS.faults):
            state = f"{self.folder}/{self.chance.choice(('one', 'other'))}"
            self.chance.shuffle(captures)
            process = self.replay(url, state, captures, wait=False)
            end = time.monotonic() + self.chance.uniform(0.0, 0.4)
            kind = self.chance.choice((Faults.cut, Faults.drop, Faults.forget_scripts,
                                       Faults.restart, None, None))
            if kind is not None:
                kind(Faults(self.chance, server, proxy, None))
            time.sleep(max(0.0, end - time.monotonic()))
            process.kill()
            process.communicate()
        with proxy.lock:
            proxy.cut = None
        for state in ("one", "other", "third"):
            self.replay(url, f"{self.folder}/{state}", captures)
        found = sorted(stream_ids(server))
        self.maxDiff = 4000
        self.assertEqual(found, ids)
        self.assertEqual(counted(server), wanted)
        self.assertEqual(self.health(server), health)


def main():
    global OPTIONS
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("fixture")
    parser.add_argument("downgrd")
    parser.add_argument("downgrdctl")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--volume", type=int, default=20000)
    parser.add_argument("--restarts", type=int, default=2)
    parser.add_argument("--items", type=int, default=10000)
    OPTIONS, rest = parser.parse_known_args()
    if not shutil.which("redis-server"):
        print("skipped: redis-server is not installed (apt-get install redis-server)")
        sys.exit(77)
    print(f"seed {OPTIONS.seed}", flush=True)
    OPTIONS.fixture = str(pathlib.Path(OPTIONS.fixture).resolve())
    OPTIONS.downgrdctl = str(pathlib.Path(OPTIONS.downgrdctl).resolve())
    OPTIONS.downgrd = str(pathlib.Path(OPTIONS.downgrd).resolve())
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
