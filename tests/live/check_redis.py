#!/usr/bin/env python3
"""check_redis - the Redis sink and downgrdctl against a real redis-server.

usage: check_redis.py FIXTURE DOWNGRDCTL [unittest options]

Starts private servers on sockets in a temporary folder, without persistence, and ends them with
itself. FIXTURE (redis_publish_fixture.c) publishes a made-up capture and dies where it is told to.
Status 77 when redis-server is not there. Python 3 standard library only.
"""
import csv
import ctypes
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURE = DOWNGRDCTL = None
PR_SET_PDEATHSIG = 1
CLOCK_FIELDS = {"published"}  # of Redis's clock: differs from run to run


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A redis-server of one test."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="downgrd-redis-")
        self.socket = f"{self.folder}/redis.sock"
        self.url = f"unix://{self.socket}"
        self.options = options
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
             "--appendonly", "no", "--daemonize", "no", "--dir", self.folder, *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        for _ in range(200):
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.socket)
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server did not start")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *words):
        """One command; bytes, integers, lists; error answers are raised."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self.socket)
            link.settimeout(10)
            line = f"*{len(words)}\r\n".encode()
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode()
                line += f"${len(word)}\r\n".encode() + word + b"\r\n"
            link.sendall(line)
            return read_answer(link.makefile("rb"))

    def ask_as(self, user, password, *words):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self.socket)
            link.settimeout(10)
            stream = link.makefile("rb")
            for command in (("AUTH", user, password), words):
                link.sendall(f"*{len(command)}\r\n".encode() +
                             b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in command))
                answer = read_answer(stream)
            return answer

    def dump(self):
        """All that counts of what is in it: equal dumps mean equal figures."""
        whole = {}
        for key in sorted(self.ask("KEYS", "*")):
            kind = self.ask("TYPE", key)
            ttl = self.ask("TTL", key)
            if kind == b"hash":
                flat = self.ask("HGETALL", key)
                value = {k: v for k, v in zip(flat[::2], flat[1::2])
                         if k.decode() not in CLOCK_FIELDS}
            elif kind == b"zset" and key.startswith(b"downgrd:seen:"):
                value = sorted(self.ask("ZRANGE", key, 0, -1))
            elif kind == b"zset":
                value = self.ask("ZRANGE", key, 0, -1, "WITHSCORES")
            elif kind == b"stream":
                value = sorted(map(tuple, (e[1] for e in self.ask("XRANGE", key, "-", "+"))))
            else:
                value = self.ask("PFCOUNT", key)
            whole[key] = (kind, ttl > 0, value)
        return whole


def read_answer(stream):
    line = stream.readline()
    if not line:
        raise EOFError
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"+":
        return rest
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
    return [read_answer(stream) for _ in range(int(rest))]


def publish(url, *options, sensor="lab", capture="c0ffee", status=0, state=None):
    """Without a state directory each has a journal of its own, as on another machine."""
    with tempfile.TemporaryDirectory(prefix="downgrd-state-") as fresh:
        done = subprocess.run([FIXTURE, url, state or fresh, sensor, capture, *options],
                              capture_output=True, timeout=60)
    if done.returncode != status:
        raise AssertionError(f"publish {options}: status {done.returncode}, not {status}: "
                             f"{done.stderr.decode()}")
    return done.stderr.decode()


def ctl(url, *words, status=0, environment=None):
    done = subprocess.run([DOWNGRDCTL, "--redis", url, *words], capture_output=True, timeout=60,
                          env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C", "COLUMNS": "250",
                               **(environment or {})})
    if done.returncode != status:
        raise AssertionError(f"downgrdctl {words}: status {done.returncode}, not {status}: "
                             f"{done.stdout.decode()} {done.stderr.decode()}")
    return done.stdout.decode("ascii"), done.stderr.decode("ascii")


class WithServer(unittest.TestCase):
    options = ()

    def setUp(self):
        self.server = Server(*self.options)
        self.addCleanup(self.server.close)
        self.url = self.server.url


class ExactlyOnce(WithServer):
    def undisturbed(self, *options):
        publish(self.url, *options)
        whole = self.server.dump()
        self.server.ask("FLUSHALL")
        return whole

    def test_again_changes_nothing(self):
        publish(self.url)
        before = self.server.dump()
        publish(self.url)
        self.assertEqual(before, self.server.dump())
        self.assertEqual(self.server.ask("XLEN", "downgrd:alerts"), 3)

    def test_figures(self):
        publish(self.url)
        day = "downgrd:usage:{host4.example}:lab:d:20261123"
        total = sum(int(self.server.ask("HGET", f"downgrd:usage:{{host4.example}}:lab:d:{d}",
                                        "handshakes") or 0)
                    for d in (20261123, 20261124, 20261125))
        self.assertEqual(total, 6)
        self.assertEqual(int(self.server.ask("HGET", day, "handshakes")),
                         int(self.server.ask("HGET", day.replace(":d:20261123", ":h:2026112312"),
                                             "handshakes")))
        self.assertGreater(self.server.ask("TTL", day), 399 * 86400)
        self.assertLessEqual(self.server.ask("TTL", day.replace(":d:20261123", ":h:2026112312")),
                             14 * 86400)

    def test_every_key_expires_or_is_bounded(self):
        publish(self.url)
        always = {b"downgrd:alerts", b"downgrd:seen:{downgrd:alerts}", b"downgrd:days",
                  b"downgrd:domains", b"downgrd:sensors"}
        self.assertEqual({k for k, v in self.server.dump().items() if not v[1]}, always)

    def test_another_capture_and_sensor_add(self):
        key = "downgrd:usage:{host4.example}:%s:d:20261123"
        publish(self.url)
        once = int(self.server.ask("HGET", key % "lab", "handshakes"))
        publish(self.url, "ids=100", capture="beef")
        publish(self.url, "ids=200", sensor="a b:{c}")
        self.assertEqual(int(self.server.ask("HGET", key % "lab", "handshakes")), 2 * once)
        self.assertEqual(int(self.server.ask("HGET", key % "a%20b%3A%7Bc%7D", "handshakes")), once)
        self.assertEqual(self.server.ask("XLEN", "downgrd:alerts"), 9)
        rows = json.loads(ctl(self.url, "share", "host4.example", "--json")[0])["domains"]
        self.assertEqual(rows[0]["handshakes"], 18)
        self.assertEqual(rows[0]["clients"], 6)
        sensors = json.loads(ctl(self.url, "share", "host4.example", "--by", "sensor",
                                 "--json")[0])["domains"]
        self.assertEqual({r["sensor"]: r["handshakes"] for r in sensors}, {"lab": 12, "a b:{c}": 6})
        top = json.loads(ctl(self.url, "top", "--handshakes", "--json", "--limit", "1")[0])
        self.assertEqual(top["domains"][0]["handshakes"], 21)

    def check_killed(self, option):
        wanted = self.undisturbed("domains=120", "alerts=20")
        deaths = 0
        for at in range(1, 200):
            # Every other one finds what the one before it left in the journal.
            state = f"{self.server.folder}/state{at if at % 2 else ''}"
            done = subprocess.run([FIXTURE, self.url, state, "lab", "c0ffee", "domains=120",
                                   "alerts=20", f"{option}={at}"], capture_output=True, timeout=60)
            self.assertIn(done.returncode, (0, 99), done.stderr)
            if done.returncode == 0:
                break
            deaths += 1
            if at % 3 == 0:  # some runs meet a half-written Redis, others a fresh one
                publish(self.url, "domains=120", "alerts=20")
                self.assertEqual(wanted, self.server.dump(), f"killed at {option} {at}")
                self.server.ask("FLUSHALL")
        self.assertGreater(deaths, 5)
        self.assertEqual(wanted, self.server.dump())

    def test_killed_before_writes(self):
        self.check_killed("die_write")

    def test_killed_before_reads(self):
        self.check_killed("die_read")

    def test_scripts_forgotten(self):
        wanted = self.undisturbed("domains=60")
        for at in range(3, 9):
            publish(self.url, "domains=60", f"flush_write={at}")
            self.assertEqual(wanted, self.server.dump())
            self.server.ask("FLUSHALL")

    def test_connection_cut_is_resumed(self):
        """A proxy cuts the first connection after so many bytes of answers; the second holds."""
        wanted = self.undisturbed("domains=60")
        for cut in (0, 1, 200, 300, 900, 2500, 5000):
            proxy = f"{self.server.folder}/proxy.sock"
            process = subprocess.Popen([sys.executable, __file__, "--proxy", proxy,
                                        self.server.socket, str(cut)],
                                       preexec_fn=die_with_parent)
            try:
                while not os.path.exists(proxy):
                    time.sleep(0.01)
                publish(f"unix://{proxy}", "domains=60")
            finally:
                process.kill()
                process.wait()
                os.unlink(proxy)
            self.assertEqual(wanted, self.server.dump(), f"cut after {cut}")
            self.server.ask("FLUSHALL")

    def test_bounds(self):
        publish(self.url, "alerts=9000", "domains=1")
        self.assertEqual(self.server.ask("XLEN", "downgrd:alerts"),
                         self.server.ask("ZCARD", "downgrd:seen:{downgrd:alerts}"))


class Faults(WithServer):
    def test_no_server(self):
        for url, words in ((f"unix://{self.server.folder}/none.sock", "no such socket"),
                           ("redis://127.0.0.1:1", "connection refused")):
            self.assertIn(words, publish(url, status=1))
            self.assertIn(words, ctl(url, "share", status=2)[1])
            self.assertEqual(ctl(url, "share", status=2)[1].count("\n"), 1)

    def test_bad_urls(self):
        self.assertIn("TLS", ctl("rediss://host", "share", status=2)[1])
        self.assertNotIn("secret", ctl("redis://u:secret@host:x", "share", status=2)[1])

    def test_wrong_type(self):
        publish(self.url)
        wanted = self.server.dump()
        self.server.ask("FLUSHALL")
        key = "downgrd:usage:{host2.example}:lab:d:20261123"
        self.server.ask("SET", key, "mine")
        said = publish(self.url, status=1)
        self.assertIn(key, said)
        self.assertIn("holds something else", said)
        self.assertEqual(self.server.ask("XLEN", "downgrd:alerts"), 3)
        self.server.ask("ZADD", "downgrd:buckets:{host2.example}", 20261123, "20261123:lab")
        self.assertIn("holds something else", ctl(self.url, "share", status=2)[1])
        self.server.ask("DEL", key)
        publish(self.url)
        self.assertEqual(wanted, self.server.dump())

    def test_stream_of_wrong_type(self):
        self.server.ask("SET", "downgrd:alerts", "mine")
        self.assertIn("downgrd:alerts is a string", publish(self.url, status=1))
        self.assertEqual(int(self.server.ask("HGET", "downgrd:health:{lab}", "sources")), 1)

    def test_out_of_memory(self):
        publish(self.url)
        wanted = self.server.dump()
        self.server.ask("FLUSHALL")
        self.server.ask("CONFIG", "SET", "maxmemory", 1)
        said = publish(self.url, status=1)
        self.assertIn("memory limit is reached", said)
        self.assertIn("not published: 27 handshakes and 3 alerts; the journal keeps them", said)
        self.server.ask("CONFIG", "SET", "maxmemory", 0)
        publish(self.url)
        self.assertEqual(wanted, self.server.dump())

    def test_read_only(self):
        self.server.ask("REPLICAOF", "127.0.0.1", "1")
        self.assertIn("read-only replica", publish(self.url, status=1))

    def test_server_killed(self):
        for at in (4, 6, 9):
            said = publish(self.url, "domains=300", f"kill={self.server.process.pid}",
                           f"kill_write={at}", status=1)
            self.assertIn("the journal keeps them", said)
            self.server.process.wait()
            os.unlink(self.server.socket)
            self.server.start()

    def test_silent_server(self):
        self.server.process.send_signal(signal.SIGSTOP)
        begin = time.monotonic()
        said = publish(self.url, "timeout=300", status=1)
        self.assertIn("no answer in time", said)
        self.assertLess(time.monotonic() - begin, 5)
        self.server.process.send_signal(signal.SIGCONT)


class Passwords(WithServer):
    options = ("--requirepass", "p@ss/word")

    def test_passwords(self):
        at = self.url.replace("unix://", "unix://:%s@")
        self.assertIn("wants a password", publish(self.url, status=1))
        self.assertIn("refused the user name or password", publish(at % "wrong", status=1))
        self.assertIn("wants a password", ctl(self.url, "alerts", status=2)[1])
        publish(at % "p%40ss%2Fword")
        self.assertIn("host0.example", ctl(at % "p%40ss%2Fword", "alerts")[0])


class LeastRights(WithServer):
    """The users of the README can do what they must, and nothing else."""

    def setUp(self):
        super().setUp()
        for line in (ROOT / "README.md").read_text().splitlines():
            if line.startswith("ACL SETUSER "):
                self.server.ask(*line.replace(">PASSWORD", ">secret").split())
        self.urls = {user: self.url.replace("unix://", f"unix://{user}:secret@")
                     for user in ("downgrd", "planner")}

    def test_sensor_and_planner(self):
        publish(self.urls["downgrd"])
        publish(self.urls["downgrd"], "live=500", "flush=100", "domains=7", "unshared=3",
                sensor="live")
        self.assertEqual(self.server.ask("HMGET", "downgrd:health:{live}", "refused", "shared_lost"),
                         [b"0", b"3"])
        url = self.urls["planner"]
        for words in (("share",), ("share", "host1.example", "--by", "day"), ("alerts",),
                      ("top", "--legacy"), ("explain", f"{1:032x}"), ("whatif",), ("sensors",),
                      ("clients", "host1.example"), ("metrics",)):
            self.assertTrue(ctl(url, *words)[0])

    def test_nothing_else(self):
        self.assertIn("the user may not do this", publish(self.urls["planner"], status=1))
        self.server.ask("SET", "mine", "1")
        for user in self.urls:
            for words in (("GET", "mine"), ("SET", "downgrd:x", "1"), ("FLUSHALL",),
                          ("CONFIG", "GET", "*"), ("KEYS", "*"), ("HSET", "mine", "a", "1")):
                self.assertRaisesRegex(RuntimeError, "NOPERM", self.server.ask_as, user, "secret",
                                       *words)

    def test_without_info(self):
        """Then a restart cannot be told from a lost connection: all is sent again, none counted."""
        self.server.ask("ACL", "SETUSER", "downgrd", "-info")
        state = f"{self.server.folder}/state"
        publish(self.urls["downgrd"], state=state)
        wanted = self.server.dump()
        said = publish(self.urls["downgrd"], state=state)
        self.assertIn("are sent again", said)
        self.assertEqual(self.server.dump(), wanted)


@unittest.skipUnless(shutil.which("stunnel4") or shutil.which("stunnel"), "stunnel is not there")
@unittest.skipUnless(shutil.which("openssl"), "openssl is not there")
class Tunnelled(unittest.TestCase):
    """The README's stunnel, between the sensor and a Redis that speaks TLS alone."""

    def test_stunnel(self):
        server = Server()
        self.addCleanup(server.close)
        key, certificate = f"{server.folder}/key.pem", f"{server.folder}/certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        ports = [free_port(), free_port()]
        recipe = (ROOT / "README.md").read_text().split("[redis]\n")[1].split("```")[0]
        recipe = (recipe.replace("127.0.0.1:6379", f"127.0.0.1:{ports[0]}")
                  .replace("redis.example.net:6380", f"localhost:{ports[1]}")
                  .replace("redis.example.net", "localhost")
                  .replace("/etc/ssl/certs/ca-certificates.crt", certificate))
        common = f"foreground = yes\npid =\nsyslog = no\n"
        far = (f"{common}[far]\naccept = 127.0.0.1:{ports[1]}\n"
               f"connect = 127.0.0.1:{{}}\ncert = {certificate}\nkey = {key}\n")
        redis_port = free_port()
        plain = subprocess.Popen(["redis-server", "--port", str(redis_port), "--save", ""],
                                 stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
        self.addCleanup(plain.wait)
        self.addCleanup(plain.kill)
        for name, text in (("far", far.format(redis_port)), ("near", f"{common}[redis]\n{recipe}")):
            path = pathlib.Path(server.folder, name)
            path.write_text(text)
            process = subprocess.Popen([shutil.which("stunnel4") or shutil.which("stunnel"), path],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       preexec_fn=die_with_parent)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
        url = f"redis://127.0.0.1:{ports[0]}"
        said = publish(url, "patience=10000")
        self.assertEqual(said, "")
        self.assertIn("host5.example", ctl(url, "share")[0])


class Reading(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.url = cls.server.url
        publish(cls.url, "hostile=1")

    def test_alerts_table(self):
        out, _ = ctl(self.url, "alerts")
        self.assertIn("downgrade-sentinel", out)
        self.assertIn("2026-11-23 12:00:00", out)
        self.assertNotIn("\x1b", out)
        self.assertIn("\\x1b[31m\\x0d\\x0a*3 \\xff{}\\\\", out)
        self.assertEqual(len(out.splitlines()), 5)

    def test_alerts_json(self):
        alerts = json.loads(ctl(self.url, "alerts", "--json")[0])["alerts"]
        self.assertEqual(len(alerts), 4)
        first = alerts[-1]
        self.assertEqual((first["kind"], first["class"], first["severity"], first["domain"]),
                         ("downgrade-sentinel", "attack", 1, "host0.example"))
        self.assertEqual(first["eve"]["event_type"], "alert")
        self.assertEqual(first["eve"]["downgrade"]["kind"], "downgrade-sentinel")

    def test_alerts_csv(self):
        rows = list(csv.DictReader(io.StringIO(ctl(self.url, "alerts", "--csv")[0])))
        self.assertEqual(len(rows), 4)
        hostile = next(r for r in rows if "cmd" in r["domain"])
        self.assertTrue(hostile["domain"].startswith("'=cmd|'x',\"y\"\\x1b"))

    def test_alerts_filters(self):
        def rows(*words, status=0):
            return json.loads(ctl(self.url, "alerts", "--json", *words, status=status)[0])["alerts"]
        self.assertEqual(len(rows("--domain", "HOST1.example.")), 1)
        self.assertEqual(len(rows("--domain", "*.example")), 3)
        self.assertEqual(len(rows("--limit", "2")), 2)
        self.assertEqual(len(rows("--rule", "downgrade-sentinel")), 4)
        self.assertEqual(rows("--rule", "no-such", status=1), [])

    def test_since_hides_nothing_silently(self):
        server = Server()
        self.addCleanup(server.close)
        publish(server.url, f"begin={int(time.time()) - 10 * 86400}")
        for command in ("alerts", "share", "top"):
            _, said = ctl(server.url, command, "--since", "1h", status=1)
            self.assertIn("leave out --since", said, command)
            self.assertRegex(said, r"newest .* is of 20\d\d-" if command != "alerts" else "alert")

        def handshakes(*words):
            rows = json.loads(ctl(server.url, "share", "--json", *words)[0])["domains"]
            return sum(r["handshakes"] for r in rows)
        self.assertEqual(handshakes(), 27)
        self.assertEqual(handshakes("--since", "11d"), 27)  # of hours
        self.assertEqual(handshakes("--since", "30d"), 27)  # of days
        self.assertLess(handshakes("--since", "9d"), 27)
        self.assertEqual(len(json.loads(ctl(server.url, "alerts", "--since", "11d",
                                            "--json")[0])["alerts"]), 3)

    def test_share(self):
        out, _ = ctl(self.url, "share")
        self.assertRegex(out, r"host5\.example +7 +2 +28\.57%")
        self.assertIn("Coverage of all domains: 27 handshakes, 27 with a ServerHello", out)
        self.assertIn("1000 packets, of these 3 malformed", out)
        whole = json.loads(ctl(self.url, "share", "host5.example", "--json")[0])
        row = whole["domains"][0]
        self.assertEqual((row["handshakes"], row["legacy"], row["tls1.0"], row["tls1.3"]),
                         (7, 2, 2, 3))
        self.assertAlmostEqual(row["legacy_share"], 2 / 7)
        self.assertEqual((row["clients"], row["legacy_clients"]), (7, 2))
        self.assertEqual(row["legacy.client"] + row["legacy.server"] + row["downgraded"], 2)
        self.assertEqual(whole["coverage"]["handshakes"], 7)
        self.assertRegex(row["last_legacy"], r"^2026-11-2\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def test_share_by(self):
        def sums(by):
            rows = json.loads(ctl(self.url, "share", "host5.example", "--by", by,
                                  "--json")[0])["domains"]
            return {r[by]: r["handshakes"] for r in rows}
        self.assertEqual(sums("sensor"), {"lab": 7})
        self.assertEqual(sum(sums("day").values()), 7)
        self.assertEqual(list(sums("day")), ["2026-11-23", "2026-11-24", "2026-11-25"])
        self.assertEqual(sum(sums("hour").values()), 7)
        self.assertIn("2026-11-23 12:00", sums("hour"))

    def test_share_of_names(self):
        rows = json.loads(ctl(self.url, "share", "*.example", "--json")[0])["domains"]
        self.assertEqual(len(rows), 6)
        self.assertEqual(rows[0]["legacy"], max(r["legacy"] for r in rows))
        _, said = ctl(self.url, "share", "none.example", status=1)
        self.assertIn("nothing is known of that", said)
        self.assertEqual(json.loads(ctl(self.url, "share", "none.example", "--json",
                                        status=1)[0])["domains"], [])

    def test_share_csv(self):
        rows = list(csv.DictReader(io.StringIO(ctl(self.url, "share", "--csv")[0])))
        self.assertEqual(len(rows), 6)
        self.assertEqual(rows[0]["domain"], "host4.example" if rows[0]["legacy"] == "2"
                         and rows[0]["handshakes"] == "6" else "host5.example")
        self.assertEqual(sum(int(r["handshakes"]) for r in rows), 27)

    def test_top(self):
        for by in ("--legacy", "--clients", "--handshakes"):
            rows = json.loads(ctl(self.url, "top", by, "--limit", "2", "--json")[0])["domains"]
            self.assertEqual(len(rows), 2)
            self.assertEqual(rows[0]["domain"], "host5.example", by)
        out, _ = ctl(self.url, "top", "--limit", "2")
        self.assertIn("more (--limit 0 shows all)", out)
        ctl(self.url, "top", "--alerts", status=1)  # the made-up alerts are in no counter

    def test_explain(self):
        ident = f"{1:032x}"
        out, _ = ctl(self.url, "explain", ident)
        for words in ("host1.example", "Evidence", "TLS 1.3", "What next", ident):
            self.assertIn(words, out)
        self.assertEqual(json.loads(ctl(self.url, "explain", ident, "--json")[0])["id"], ident)
        self.assertIn("key,value", ctl(self.url, "explain", ident, "--csv")[0])
        self.assertIn("Evidence", ctl(self.url, "explain", f"{0xffff:032x}"[:29])[0])
        _, said = ctl(self.url, "explain", ident[:12], status=1)  # all of them begin so
        self.assertIn("more than one alert", said)
        _, said = ctl(self.url, "explain", "nonsense\x1b[2J", status=1)
        self.assertNotIn("\x1b", said)
        self.assertNotIn("\x1b", ctl(self.url, "explain", f"{0xffff:032x}")[0])

    def test_explain_rule_needs_no_server(self):
        out, _ = ctl("redis://127.0.0.1:1", "explain", "downgrade-sentinel")
        self.assertIn("RFC 8446", out)
        rule = json.loads(ctl("redis://127.0.0.1:1", "explain", "downgrade-sentinel",
                              "--json")[0])
        self.assertEqual(rule["kind"], "downgrade-sentinel")

    def test_usage_errors(self):
        for words in ((), ("nonsense",), ("share", "--since", "soon"), ("share", "--by", "year"),
                      ("alerts", "--limit", "-1"), ("alerts", "extra"), ("explain",),
                      ("alerts", "--clients"), ("share", "--rule", "x"), ("--nonsense",)):
            _, said = ctl(self.url, *words, status=2)
            self.assertTrue(said, words)
        self.assertIn("packet time", ctl(self.url, "--help")[0])
        self.assertRegex(ctl(self.url, "--version")[0], r"^downgrdctl \d")

    def test_empty(self):
        server = Server()
        self.addCleanup(server.close)
        self.assertIn("nothing published yet", ctl(server.url, "share", status=1)[1])
        self.assertIn("no such alert", ctl(server.url, "alerts", status=1)[1])
        ctl(server.url, "top", status=1)


def proxy(listen, target, cut):
    """Passes connections on; the first one is cut after `cut` bytes of answers."""
    import threading
    server = socket.socket(socket.AF_UNIX)
    server.bind(listen)
    server.listen()
    left = [cut]

    def pump(source, sink, limited):
        try:
            while data := source.recv(65536):
                if limited and len(data) >= left[0]:
                    sink.sendall(data[:left[0]])
                    break
                if limited:
                    left[0] -= len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    first = True
    while True:
        client, _ = server.accept()
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(target)
        threading.Thread(target=pump, args=(client, upstream, False), daemon=True).start()
        threading.Thread(target=pump, args=(upstream, client, first), daemon=True).start()
        first = False


if __name__ == "__main__":
    if sys.argv[1:2] == ["--proxy"]:
        proxy(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if not shutil.which("redis-server"):
        print("skipped: redis-server is not installed (apt-get install redis-server)")
        sys.exit(77)
    FIXTURE, DOWNGRDCTL = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
