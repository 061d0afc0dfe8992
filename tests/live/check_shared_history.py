#!/usr/bin/env python3
"""check_shared_history - what one sensor learned, another one knows, through a real redis-server.

usage: check_shared_history.py DOWNGRD [TEST...]

Sensors, each with a state directory of its own, replay captures of pcaps/ with --continuous and the
same Redis, one after the other. Status 77 when redis-server is not there. Python 3 standard library only.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "generate"))
sys.path.insert(0, str(ROOT / "tests" / "live"))

import capture_file
from check_redis import Server

PCAPS = ROOT / "pcaps"
SECOND_NS = 1_000_000_000
ETHERNET, IP_HEADER = 14, 20
KNOWN = 30  # handshakes: server-regression wants 20
DOWNGRD = None


def again(records, count, gap_s=1):
    """The same connection so many times, from other ports, a second apart."""
    for i in range(count):
        for record in records:
            frame = bytearray(record.data)
            at = ETHERNET + IP_HEADER + (0 if frame[ETHERNET + 12:ETHERNET + 14] == b"\xc0\x00" else 2)
            port = 20000 + i
            frame[at:at + 2] = port.to_bytes(2, "big")
            yield replace(record, data=bytes(frame), time_ns=record.time_ns + i * gap_s * SECOND_NS)


def capture(name):
    return capture_file.read((PCAPS / name).read_bytes())


class Sensor:
    """A sensor on a machine of its own."""

    def __init__(self, name, url):
        self.name, self.url = name, url
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="downgrd-shared-"))

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def replay(self, records, status=(0, 1)):
        """(kinds of attack alerts, stderr)"""
        path = self.folder / "in.pcap"
        path.write_bytes(capture_file.pcap(records, nano=True))
        done = subprocess.run(
            [DOWNGRD, "-q", "--eve", "-", "--sensor", self.name, "--redis", self.url, "--state",
             self.folder / "state", "--continuous", "-r", path],
            capture_output=True, timeout=60)
        if done.returncode not in status:
            raise AssertionError(f"status {done.returncode}: {done.stderr.decode()}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return ([line["downgrade"]["kind"] for line in lines if line["event_type"] == "alert"
                 and line["downgrade"]["class"] == "attack"], done.stderr.decode())


class SharedHistory(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def sensor(self, name, url=None):
        sensor = Sensor(name, url or self.server.url)
        self.addCleanup(sensor.close)
        return sensor

    def learn(self, name="north"):
        honest = capture("honest-tls13.pcap")
        kinds, _ = self.sensor(name).replay(list(again(honest, KNOWN)))
        self.assertEqual(kinds, [])

    def test_server_regression(self):
        lowered = capture("server-limited-tls12.pcap")
        self.assertEqual(self.sensor("south").replay(lowered)[0], [])
        self.server.ask("FLUSHALL")
        self.learn()
        self.assertEqual(self.sensor("west").replay(lowered)[0], ["server-regression"])

    def test_sums_of_several_sensors(self):
        honest = capture("honest-tls13.pcap")
        for name in ("north", "east", "south"):
            self.sensor(name).replay(list(again(honest, KNOWN // 3)))
        kinds, _ = self.sensor("west").replay(capture("server-limited-tls12.pcap"))
        self.assertEqual(kinds, ["server-regression"])

    def test_said_again_it_counts_once(self):
        honest = capture("honest-tls13.pcap")
        north = self.sensor("north")
        for _ in range(3):  # its own state: 10, 20, 30 known; each time the sum is told
            north.replay(list(again(honest, 5)))
        kinds, _ = self.sensor("west").replay(capture("server-limited-tls12.pcap"))
        self.assertEqual(kinds, [])

    def test_split_view(self):
        self.sensor("inside").replay(capture("taps-cut-client-side.pcap"))
        kinds, _ = self.sensor("outside").replay(capture("taps-cut-server-side.pcap"))
        self.assertIn("split-view", kinds)

    def test_no_split_view_of_the_same(self):
        self.sensor("inside").replay(capture("taps-honest-client-side.pcap"))
        kinds, _ = self.sensor("outside").replay(capture("taps-honest-server-side.pcap"))
        self.assertEqual(kinds, [])

    def test_hostile_content(self):
        self.learn()
        (key,) = [k for k in self.server.ask("KEYS", "downgrd:history:{*}")]
        for text in ("", "1", "2 3 4", "1 " + "9" * 400, "1 1 1 0 0 1 99 0 0 0 0 0 0 0", b"\0\xff" * 50):
            self.server.ask("HSET", key, "evil", text)
            self.server.ask("XADD", "downgrd:history:changes", "*", "server", "zz", "sensor", text)
            self.server.ask("XADD", "downgrd:history:hellos", "*", "facts", text, "sensor", "x")
        kinds, errors = self.sensor("west").replay(capture("server-limited-tls12.pcap"))
        self.assertEqual((kinds, errors), (["server-regression"], ""))

    def test_wrong_types_end_nothing(self):
        self.server.ask("SET", "downgrd:history:changes", "x")
        _, errors = self.sensor("west").replay(capture("server-limited-tls12.pcap"))
        self.assertIn("WRONGTYPE", errors)
        self.assertEqual(errors.count("\n"), 1)

    def test_every_key_is_bounded(self):
        self.learn()
        self.sensor("inside").replay(capture("taps-cut-client-side.pcap"))
        keys = {k for k in self.server.ask("KEYS", "downgrd:history:*")}
        lasting = {k for k in keys if self.server.ask("TTL", k) < 0}
        self.assertEqual(lasting, {b"downgrd:history:changes", b"downgrd:history:hellos",
                                   b"downgrd:history:servers"})

    def test_least_rights(self):
        readme = (ROOT / "README.md").read_text()
        rule = next(line for line in readme.splitlines() if line.startswith("ACL SETUSER downgrd "))
        self.server.ask(*rule.replace(">PASSWORD", ">secret").split())
        self.server.ask("CONFIG", "SET", "requirepass", "admin")
        url = self.server.url.replace("unix://", "unix://downgrd:secret@")
        honest = capture("honest-tls13.pcap")
        _, errors = self.sensor("north", url).replay(list(again(honest, KNOWN)))
        self.assertEqual(errors, "")
        kinds, errors = self.sensor("west", url).replay(capture("server-limited-tls12.pcap"))
        self.assertEqual((kinds, errors), (["server-regression"], ""))


if __name__ == "__main__":
    if shutil.which("redis-server") is None:
        print("redis-server is not installed")
        sys.exit(77)
    DOWNGRD = sys.argv.pop(1)
    unittest.main(argv=sys.argv)
