#!/usr/bin/env python3
"""check_query - what downgrdctl answers, from a redis-server filled by fill_usage.py.

usage: check_query.py DOWNGRDCTL [unittest options]

Starts private servers on sockets in a temporary folder and ends them with itself. Status 77 when
redis-server is not there; the check of metrics by promtool is left out, and says so, where that is
not installed. Python 3 standard library only.
"""
import contextlib
import csv
import io
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest
import unittest.mock

import check_redis
import fill_usage
from check_redis import Server, die_with_parent

DOWNGRDCTL = None
DAYS = 33
LONG_NAME = ".".join(["a" * 60] * 4) + ".example"
COMMANDS = (("alerts",), ("share",), ("share", "--by", "day"), ("top",), ("top", "--clients"),
            ("whatif",), ("whatif", "--min", "tls1.3"), ("clients", "never.example"), ("sensors",),
            ("explain", "downgrade-sentinel"))


def run(url, *words, status=0, **environment):
    """Standard output and error as text."""
    done = subprocess.run([DOWNGRDCTL, "--redis", url, *words], capture_output=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C", "COLUMNS": "120", **environment})
    if done.returncode != status:
        raise AssertionError(f"downgrdctl {words}: status {done.returncode}, not {status}: "
                             f"{done.stdout.decode()} {done.stderr.decode()}")
    return done.stdout.decode(), done.stderr.decode()


def ask_json(url, *words, **options):
    return json.loads(run(url, *words, "--json", **options)[0])


def ask_csv(url, *words):
    return list(csv.DictReader(io.StringIO(run(url, *words, "--csv")[0])))


def filled(domains=300, days=DAYS, handshakes=8000, *more):
    server = Server()
    filler = fill_usage.fill([server.socket, "--domains", str(domains), "--days", str(days),
                              "--handshakes", str(handshakes), *more])
    return server, filler


class Answers(unittest.TestCase):
    """Questions to one Redis with 2,500 domains, 33 days, two sensors."""

    @classmethod
    def setUpClass(cls):
        cls.server, cls.filler = filled(2500, DAYS, 8000, "--sensors", "2", "--alerts", "60")
        cls.addClassCleanup(cls.server.close)
        cls.url = cls.server.url

    def test_coverage_is_of_all_domains(self):
        coverage = ask_json(self.url, "share", "--limit", "3")["coverage"]
        total = self.filler.total
        self.assertTrue(coverage["of_all_domains"])
        self.assertEqual(coverage["handshakes"], total["handshakes"])
        self.assertEqual(coverage["legacy"], total["tls1.0"] + total["tls1.1"])
        self.assertEqual(coverage["half_seen"], total["half_seen"])
        self.assertEqual(coverage["sensors"]["packets_dropped"],
                         sum(int(self.server.ask("HGET", key, "packets_dropped"))
                             for key in self.server.ask("KEYS", "downgrd:health:*:d:*")))

    def test_rankings_find_what_reading_all_finds(self):
        for command in ("share", "whatif"):
            some = ask_json(self.url, command, "--limit", "20")
            every = ask_json(self.url, command, "--limit", "0")
            self.assertEqual([r["domain"] for r in some["domains"]],
                             [r["domain"] for r in every["domains"]][:20], command)
            self.assertEqual(some["domains"][0], every["domains"][0])
        self.assertGreater(some["rows_in_all"], 2000)

    def test_many_domains_cost_few_commands(self):
        def processed():
            text = self.server.ask("INFO", "stats").decode()
            return int(re.search(r"total_commands_processed:(\d+)", text)[1])
        self.assertGreater(self.filler.hashes, 50000)
        for words in (("share",), ("share", "--since", "30d"), ("share", "*.example"), ("top",),
                      ("whatif",), ("metrics",), ("share", "--by", "day")):
            before = processed()
            run(self.url, *words)
            # candidates (4 a row) by days by sensors, and their clients
            self.assertLess(processed() - before, 4 * 50 * (2 * DAYS + 3) + 1000, words)

    def test_share_by_is_of_all_together(self):
        rows = ask_json(self.url, "share", "--by", "day")["domains"]
        self.assertEqual(len(rows), DAYS)
        self.assertEqual({r["domain"] for r in rows}, {"_all"})
        self.assertEqual(sum(r["handshakes"] for r in rows), self.filler.total["handshakes"])
        sensors = ask_json(self.url, "share", "--by", "sensor")["domains"]
        self.assertEqual([r["sensor"] for r in sensors], ["tap-0", "tap-1"])

    def test_peaks_of_sensors_are_added(self):
        def peak(*words):
            return [r["peak_legacy_per_min"]
                    for r in ask_json(self.url, "share", "never.example", *words)["domains"]]
        days, sensors = peak("--by", "day"), peak("--by", "sensor")
        self.assertEqual(peak(), [max(days)])
        self.assertGreater(max(days), max(sensors))
        self.assertLessEqual(max(days), sum(sensors))

    def test_trend(self):
        row = ask_json(self.url, "share", "never.example")["domains"][0]
        self.assertEqual(len(row["legacy_trend"]), 16)
        self.assertEqual(sum(row["legacy_trend"]), row["legacy"])
        self.assertEqual(sum(row["answered_trend"]), row["negotiated"])
        self.assertRegex(run(self.url, "share", "never.example", LC_ALL="C.UTF-8")[0], "[▂-█]{16}")
        self.assertRegex(run(self.url, "share", "never.example")[0], r"[.:=+*#-]{16}")

    def test_verdicts(self):
        names = ("safe.example", "nearly.example", "never.example", "server.example",
                 "nobody.example")
        rows = {r["domain"]: r for r in ask_json(self.url, "whatif", *names)["domains"]}
        self.assertEqual({name: rows[name]["verdict"] for name in names},
                         {"safe.example": "safe", "nearly.example": "safe",
                          "never.example": "not safe", "server.example": "not safe",
                          "nobody.example": "watch"})
        reasons = {name: [r["name"] for r in rows[name]["reasons"]] for name in names}
        self.assertEqual(reasons["never.example"], ["share", "clients"])
        self.assertEqual(reasons["nobody.example"][0], "unseen")
        self.assertEqual(rows["never.example"]["refused_by_server"], 0)
        self.assertEqual(rows["server.example"]["refused_by_client"], 0)
        self.assertGreater(rows["server.example"]["refused_by_server"], 100)
        self.assertLess(0, rows["nearly.example"]["refused"])
        self.assertGreaterEqual(rows["safe.example"]["days_watched"], 30)

    def test_verdicts_by_other_limits(self):
        def verdict(name, *words):
            row = ask_json(self.url, "whatif", name, *words)["domains"][0]
            return row["verdict"], [r["name"] for r in row["reasons"]]
        self.assertEqual(verdict("nearly.example", "--max-share", "0"), ("not safe", ["share"]))
        self.assertEqual(verdict("nearly.example", "--max-clients", "1"),
                         ("not safe", ["clients"]))
        self.assertEqual(verdict("safe.example", "--min-coverage", "99.9%"),
                         ("watch", ["coverage"]))
        self.assertEqual(verdict("safe.example", "--max-dropped", "0"), ("watch", ["dropped"]))
        self.assertEqual(verdict("safe.example", "--min-handshakes", "1000000000"),
                         ("watch", ["few_handshakes"]))
        self.assertEqual(verdict("safe.example", "--since", "60d"), ("watch", ["few_days"]))
        self.assertEqual(verdict("safe.example", "--min", "tls1.3"),
                         ("not safe", ["share", "clients_unknown"]))
        self.assertEqual(verdict("safe.example", "--min", "tls1.1"), ("safe", []))

    def test_pool(self):
        pool = ask_json(self.url, "whatif")["pool"]
        rows = ask_json(self.url, "share", "_all", "--since", "31d")["domains"]
        self.assertTrue(pool["of_all_domains"])
        self.assertEqual(pool["legacy"], rows[0]["legacy"])
        self.assertEqual(pool["peak_legacy_per_s"], rows[0]["peak_legacy_per_s"])
        self.assertLessEqual(pool["peak_legacy_full_per_s"], pool["peak_legacy_per_s"])
        self.assertEqual(pool["legacy_clients"], rows[0]["legacy_clients"])
        some = ask_json(self.url, "whatif", "never.example", "server.example")
        self.assertEqual(some["pool"]["legacy"], sum(r["refused"] for r in some["domains"]))
        out, _ = run(self.url, "whatif", "never.example", "server.example")
        self.assertRegex(out, r"busiest second +at most \d+ \(full handshakes in theirs: \d+\)")

    def test_clients(self):
        whole = ask_json(self.url, "clients", "never.example", "--limit", "7")
        self.assertEqual(len(whole["clients"]), 7)
        self.assertEqual(whole["rows_in_all"],
                         self.server.ask("ZCARD", "downgrd:legacy:{never.example}"))
        first = whole["clients"][0]
        self.assertRegex(first["address"], r"^198\.18\.")
        self.assertEqual(first["version"], "tls1.0")
        self.assertRegex(first["ja4"], r"^t10d0907h1_")
        self.assertIn("share shows", run(self.url, "clients", "safe.example", status=1)[1])

    def test_top(self):
        for order, field in (("--legacy", "legacy"), ("--clients", "legacy_clients"),
                             ("--handshakes", "handshakes")):
            rows = ask_json(self.url, "top", order, "--limit", "5")["domains"]
            every = ask_json(self.url, "share", "--limit", "0")["domains"]
            self.assertEqual([r[field] for r in rows],
                             sorted((r[field] for r in every), reverse=True)[:5], order)

    def test_sensors(self):
        rows = ask_json(self.url, "sensors")["sensors"]
        self.assertEqual({r["sensor"] for r in rows}, {"tap-0", "tap-1"})
        self.assertEqual(sum(r["handshakes"] for r in rows), self.filler.total["handshakes"])
        self.assertEqual((rows[0]["state"], rows[0]["lag_us"]), ("ok", 1500000))
        self.assertIsNone(rows[0]["alerts_lost"])  # not told is not 0
        self.assertRegex(run(self.url, "sensors")[0], r"tap-0 +ok .* 1\.5s")

    def test_every_command_in_every_form(self):
        for words in COMMANDS + (("metrics",),):
            self.assertTrue(ask_json(self.url, *words), words)
            rows = ask_csv(self.url, *words)
            self.assertTrue(rows, words)
            self.assertTrue(all(None not in row and None not in row.values() for row in rows),
                            words)


class Forms(unittest.TestCase):
    """How tables look: names that are long or hostile, narrow terminals, colour."""

    @classmethod
    def setUpClass(cls):
        cls.server, _ = filled(40, 20, 5000, "--alerts", "3")
        cls.addClassCleanup(cls.server.close)
        cls.url = cls.server.url
        cls.hostile = b'x\x1b[2J"\\\n\xff{}.example'
        ask = cls.server.ask
        day = time.strftime("%Y%m%d", time.gmtime(time.time() - 86400))
        us = int(time.time() - 86400) * 10 ** 6
        for name in (LONG_NAME.encode(), cls.hostile):
            text = "".join(chr(b) if chr(b).isalnum() or b in b"-_.*~" else f"%{b:02X}"
                           for b in name)
            ask("HSET", f"downgrd:usage:{{{text}}}:tap-0:d:{day}", "handshakes", 10 ** 9, "tls1.0",
                999999999, "tls1.2", 1, "legacy.client", 999999999, "last_legacy", us,
                "first_seen", us, "last_seen", us)
            ask("ZADD", f"downgrd:buckets:{{{text}}}", day, f"{day}:tap-0")
            ask("PFADD", f"downgrd:clients:{{{text}}}:legacy:{day}", "192.0.2.1")
            ask("ZADD", "downgrd:domains", us, name)
            ask("ZADD", f"downgrd:top:{{{day}}}:legacy:tap-0", 999999999, name)
            ask("ZADD", f"downgrd:legacy:{{{text}}}", us, "2001:db8:1111:2222:3333:4444:5555:6666")
        ask("ZADD", "downgrd:sensors", us, cls.hostile)
        ask("HSET", "downgrd:health:{x%1B%5B2J%22%5C%0A%FF%7B%7D.example}", "packets", 7)
        ask("XADD", "downgrd:alerts", "*", "kind", "downgrade-sentinel", "class", "attack",
            "severity", 1, "confidence", "high", "domain", cls.hostile, "sensor", LONG_NAME,
            "client", "[2001:db8:1111:2222:3333:4444:5555:6666] 40000", "server",
            "[2001:db8:1111:2222:3333:4444:5555:7777] 443", "id", "f" * 32, "time", us, "eve", "{")

    def test_tables_fit(self):
        for words in COMMANDS + (("clients", LONG_NAME), ("whatif", LONG_NAME)):
            for width in (80, 120):
                for locale in ("C", "C.UTF-8"):
                    out, _ = run(self.url, *words, LC_ALL=locale, COLUMNS=str(width))
                    for line in out.splitlines():
                        # a long word of prose (a name) cannot be broken
                        if " " in line.strip():
                            self.assertLessEqual(len(line), width,
                                                 (words, width, line))
                    if locale == "C":
                        self.assertTrue(out.isascii(), words)

    def test_names_are_cut_in_the_middle(self):
        out, _ = run(self.url, "share", "--limit", "3", COLUMNS="80")
        self.assertRegex(out, r"(?m)^a+\.\.[a.]*\.example ")
        self.assertIn("no room for", out)
        self.assertIn(LONG_NAME, run(self.url, "share", "--csv")[0])

    def test_nothing_reaches_the_terminal(self):
        for words in COMMANDS + (("metrics",),):
            for form in ((), ("--json",), ("--csv",)):
                out, said = run(self.url, *words, *form)
                self.assertNotRegex(out + said, r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]",
                                    (words, form))

    def test_huge_share(self):
        row = next(r for r in ask_json(self.url, "share")["domains"] if r["domain"] == LONG_NAME)
        self.assertEqual(row["legacy"], 999999999)
        self.assertIn(">99.99%", run(self.url, "share")[0])

    def on_terminal(self, *words, **environment):
        leader, follower = pty.openpty()
        process = subprocess.Popen([DOWNGRDCTL, "--redis", self.url, *words], stdout=follower,
                                   env={**os.environ, "TERM": "xterm", "COLUMNS": "100",
                                        **environment})
        os.close(follower)
        text = b""
        with contextlib.suppress(OSError):
            while part := os.read(leader, 65536):
                text += part
        os.close(leader)
        process.wait()
        return text.decode()

    def test_colour_on_a_terminal_only(self):
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        with unittest.mock.patch.dict(os.environ, environment, clear=True):
            self.assertIn("\x1b[", self.on_terminal("whatif"))
            self.assertNotIn("\x1b[", self.on_terminal("whatif", NO_COLOR="1"))
            self.assertNotIn("\x1b[", self.on_terminal("whatif", TERM="dumb"))
            self.assertNotIn("\x1b", run(self.url, "whatif")[0])

    def test_metrics(self):
        out, _ = run(self.url, "metrics")
        series = [line.rsplit(" ", 1)[0] for line in out.splitlines() if not line.startswith("#")]
        self.assertEqual(len(series), len(set(series)))
        self.assertIn('domain="never.example"', out)
        self.assertIn('x\\\\x1b[2J\\"\\\\\\\\\\\\x0a\\\\xff{}.example', out)
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed")
        done = subprocess.run(["promtool", "check", "metrics"], input=out.encode(),
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))


class Evidence(unittest.TestCase):
    """No "safe" where evidence is missing, as sensors say it."""

    def setUp(self):
        self.server, _ = filled(10, 32, 30000)
        self.addCleanup(self.server.close)

    def reasons(self):
        row = ask_json(self.server.url, "whatif", "safe.example")["domains"][0]
        return row["verdict"], [r["name"] for r in row["reasons"]]

    def health(self, *pairs):
        day = time.strftime("%Y%m%d", time.gmtime(time.time() - 5 * 86400))
        self.server.ask("HSET", f"downgrd:health:{{tap-0}}:d:{day}", *pairs)

    def test_safe_until_something_is_missing(self):
        self.assertEqual(self.reasons(), ("safe", []))
        self.health("journal_dropped", 1)
        self.assertEqual(self.reasons(), ("watch", ["records_lost"]))
        self.health("journal_dropped", 0, "packets_dropped", 10 ** 9)
        self.assertEqual(self.reasons(), ("watch", ["dropped"]))
        self.health("packets_dropped", 0)
        self.assertEqual(self.reasons(), ("safe", []))
        for back in range(2, 6):  # the sensor was off on four of 31 days
            day = time.strftime("%Y%m%d", time.gmtime(time.time() - back * 86400))
            self.server.ask("DEL", f"downgrd:health:{{tap-0}}:d:{day}")
        self.assertEqual(self.reasons(), ("watch", ["few_days"]))

    def test_losses_are_said_under_shares(self):
        self.health("journal_dropped", 5, "alerts_lost", 6)
        self.assertIn("Not published: 5 records of a full journal, 6 alerts",
                      run(self.server.url, "share")[0])
        self.assertIn("lossy", run(self.server.url, "sensors")[0])

    def test_clients_that_could_not_be_told_apart(self):
        day = time.strftime("%Y%m%d", time.gmtime(time.time() - 5 * 86400))
        self.server.ask("HSET", f"downgrd:usage:{{safe.example}}:tap-0:d:{day}", "clients_lost", 3)
        self.assertEqual(self.reasons(), ("watch", ["clients_lost"]))

    def test_stale(self):
        server, _ = filled(10, 32, 30000, "--until", str(int(time.time()) - 4 * 86400))
        self.addCleanup(server.close)
        row = ask_json(server.url, "whatif", "safe.example")["domains"][0]
        self.assertEqual([r["name"] for r in row["reasons"]], ["stale"])

    def test_without_totals_it_is_said(self):
        server, _ = filled(2100, 3, 3000, "--no-all")
        self.addCleanup(server.close)
        whole = ask_json(server.url, "share")
        self.assertFalse(whole["coverage"]["of_all_domains"])


class Following(unittest.TestCase):
    def setUp(self):
        self.server = Server("--appendonly", "yes")
        self.addCleanup(self.server.close)
        self.count = 0

    def start_again(self):
        self.server.start()
        while True:
            with contextlib.suppress(RuntimeError):  # it loads its dataset
                self.server.ask("PING")
                return
            time.sleep(0.02)

    def add(self, rule="downgrade-sentinel", domain="a.example"):
        self.count += 1
        self.server.ask("XADD", "downgrd:alerts", "*", "kind", rule, "class", "attack", "severity",
                        1, "confidence", "high", "domain", domain, "client", "192.0.2.1 1",
                        "server", "192.0.2.2 443", "id", f"{self.count:032x}", "time",
                        int(time.time() * 10 ** 6), "eve", "{}")
        return f"{self.count:032x}"

    def follow(self, *words):
        process = subprocess.Popen(
            [DOWNGRDCTL, "--redis", self.server.url, "alerts", "--follow", "--json", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        self.addCleanup(self.end, process)
        deadline = time.monotonic() + 10
        while b"cmd=xread" not in self.server.ask("CLIENT", "LIST"):  # it waits for alerts
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()

    def ids(self, process, count, seconds=15):
        """The ids of the next `count` alerts; fewer when they do not come in time."""
        found, text, deadline = [], b"", time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            ready, _, _ = select.select([process.stdout], [], [], 0.2)
            if not ready:
                continue
            text += os.read(process.stdout.fileno(), 65536)
            *lines, text = text.split(b"\n")
            found += [json.loads(line)["id"] for line in lines]
        return found

    def nothing_pending(self):
        deadline = time.monotonic() + 5
        while self.server.ask("XPENDING", "downgrd:alerts", "g")[0] != 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_from_now_on(self):
        self.add()
        process = self.follow()
        wanted = [self.add(), self.add()]
        self.assertEqual(self.ids(process, 2), wanted)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(5), 0)

    def test_since(self):
        wanted = [self.add()]
        process = self.follow("--since", "1h")
        wanted.append(self.add())
        self.assertEqual(self.ids(process, 2), wanted)

    def test_group_goes_on_after_a_restart(self):
        process = self.follow("--group", "g")
        first = [self.add()]
        self.assertEqual(self.ids(process, 1), first)
        self.nothing_pending()
        self.end(process)
        wanted = [self.add(), self.add()]
        process = self.follow("--group", "g")
        self.assertEqual(self.ids(process, 2), wanted)
        self.nothing_pending()

    def test_delivered_and_not_acknowledged_comes_again(self):
        self.end(self.follow("--group", "g", "--consumer", "c"))
        wanted = [self.add()]
        self.server.ask("XREADGROUP", "GROUP", "g", "c", "STREAMS", "downgrd:alerts", ">")
        wanted.append(self.add())
        process = self.follow("--group", "g", "--consumer", "c")
        self.assertEqual(self.ids(process, 2), wanted)
        self.nothing_pending()

    def test_members_share(self):
        one = self.follow("--group", "g", "--consumer", "one")
        two = self.follow("--group", "g", "--consumer", "two")
        wanted = [self.add() for _ in range(20)]
        found = self.ids(one, 20, 3) + self.ids(two, 20, 3)
        self.assertEqual(sorted(found), wanted)

    def test_what_a_filter_leaves_out_is_acknowledged(self):
        process = self.follow("--group", "g", "--rule", "scanner", "--domain", "*.example")
        self.add()
        wanted = [self.add("scanner", "b.example")]
        self.add("scanner", "b.test")
        self.assertEqual(self.ids(process, 1), wanted)
        self.nothing_pending()

    def test_redis_goes_and_comes(self):
        for group in ((), ("--group", "g")):
            process = self.follow(*group)
            wanted = [self.add()]
            self.assertEqual(self.ids(process, 1), wanted)
            if group:
                self.nothing_pending()
            self.server.stop()
            time.sleep(0.6)
            self.start_again()
            wanted = [self.add()]
            self.assertEqual(self.ids(process, 1), wanted, group)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(6), 0)
            said = process.stderr.read().decode()
            self.assertEqual(said.count("trying again"), said.count("Redis is back"))

    def test_group_or_stream_deleted_meanwhile(self):
        process = self.follow("--group", "g")
        wanted = [self.add()]
        self.assertEqual(self.ids(process, 1), wanted)
        self.server.ask("XGROUP", "DESTROY", "downgrd:alerts", "g")
        wanted = [self.add()]
        self.assertEqual(self.ids(process, 1), wanted)
        time.sleep(0.01)  # in the same millisecond the new entry would have the old one's id
        self.server.ask("DEL", "downgrd:alerts")
        wanted = [self.add()]
        self.assertEqual(self.ids(process, 1), wanted)

    def test_another_stream_with_older_ids(self):
        for group in ((), ("--group", "g")):
            process = self.follow(*group)
            wanted = [self.add()]
            self.assertEqual(self.ids(process, 1), wanted)
            self.server.ask("DEL", "downgrd:alerts")
            self.server.ask("XADD", "downgrd:alerts", "5-1", "kind", "x", "id", "older")
            self.assertEqual(self.ids(process, 1), ["older"], group)
            self.end(process)
            self.server.ask("DEL", "downgrd:alerts")

    def test_trimmed_entries_do_not_stop_it(self):
        self.end(self.follow("--group", "g", "--consumer", "c"))
        self.add()
        self.server.ask("XREADGROUP", "GROUP", "g", "c", "STREAMS", "downgrd:alerts", ">")
        self.server.ask("XTRIM", "downgrd:alerts", "MAXLEN", 0)
        process = self.follow("--group", "g", "--consumer", "c")
        wanted = [self.add()]
        self.assertEqual(self.ids(process, 1), wanted)
        self.nothing_pending()

    def test_usage(self):
        for words in (("--group", "g"), ("--follow", "--consumer", "c"),
                      ("--follow", "--limit", "3"), ("--follow", "--group", "")):
            run(self.server.url, "alerts", *words, status=2)


class Usage(unittest.TestCase):
    def test_errors(self):
        for words in (("whatif", "--min", "tls1.4"), ("whatif", "--max-share", "101%"),
                      ("whatif", "--max-share", "-1"), ("whatif", "--max-clients", "x"),
                      ("share", "--min", "tls1.2"), ("clients",), ("clients", "a", "b"),
                      ("sensors", "x"), ("metrics", "--since", "1d"), ("clients", "a" * 300)):
            _, said = run("redis://127.0.0.1:1", *words, status=2)
            self.assertIn("--help", said, words)
            self.assertNotIn("refused", said, words)

    def test_nothing_published(self):
        server = Server()
        self.addCleanup(server.close)
        for words in (("whatif",), ("whatif", "a.example"), ("clients", "a.example"),
                      ("sensors",), ("share",), ("share", "--by", "day"), ("top",)):
            out, said = run(server.url, *words, status=1)
            self.assertEqual((out, bool(said)), ("", True), words)
        self.assertIn("downgrd_domains 0", run(server.url, "metrics")[0])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if shutil.which("redis-server") is None:
        print("skipped: redis-server is not installed")
        sys.exit(77)
    DOWNGRDCTL = check_redis.DOWNGRDCTL = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
