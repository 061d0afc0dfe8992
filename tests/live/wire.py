"""wire.py - wires for tests of live capture: veth pairs in a network namespace of their own, a player
that puts captures on them, and the sensor that listens.

A test calls enter() first: it goes on in a new process in a fresh namespace, which vanishes with it,
so nothing is left behind whatever happens, and nothing outside can be seen or reached. Frames go in
at one end of a wire and are captured at the other.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "generate"))

import capture_file  # noqa: E402

START_SECONDS = 20
STOP_SECONDS = 15
MTU = 65535  # captures of veth pairs hold what their sender left to the card to cut
INSIDE = "DOWNGRD_TEST_NAMESPACE"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def enter():
    """Goes on in a network namespace of its own; skips the test where that cannot be had."""
    if os.environ.get(INSIDE):
        for name in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        ip("link", "set", "lo", "up")
        return
    if os.geteuid() != 0:
        skip("needs root, for network namespaces and capturing")
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode != 0:
        skip("network namespaces cannot be made here")
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-n", "-m", "--", sys.executable, "-B", *sys.argv])


def ip(*words):
    result = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=START_SECONDS)
    if result.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {result.stderr.strip()}")


def wait_for(condition, what, seconds=START_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: did not happen within {seconds} s")
        time.sleep(0.02)


class Wire:
    """A veth pair: frames that are put in at `name`-in come out at `name`."""

    def __init__(self, name):
        self.name = name
        self.inner = f"{name}-in"
        ip("link", "add", self.inner, "mtu", str(MTU), "type", "veth", "peer", "name", name, "mtu", str(MTU))
        for end in (self.inner, name):
            ip("link", "set", end, "arp", "off", "up")
        self.socket = self._open()
        self.wait_until_up()

    def _open(self):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        opened.bind((self.inner, 0))
        return opened

    def wait_until_up(self):
        def is_up():
            shown = subprocess.run(["ip", "-o", "link", "show", self.name], capture_output=True, text=True)
            return "LOWER_UP" in shown.stdout and "state UP" in shown.stdout

        wait_for(is_up, f"{self.name} is up")

    def send(self, frame):
        self.socket.send(frame)

    def play(self, records):
        """Sends frames at the pace of their times."""
        begun, first = time.monotonic(), records[0].time_ns if records else 0
        for record in records:
            left = begun + (record.time_ns - first) / 1e9 - time.monotonic()
            if left > 0.002:
                time.sleep(left - 0.001)
            while begun + (record.time_ns - first) / 1e9 > time.monotonic():
                pass
            self.send(record.data)

    def play_anew(self, records):
        """The same with a client of its own: the same packets again are no further connection."""
        self.plays = getattr(self, "plays", 0) + 1
        client = bytes((192, 0, 2, 10 + self.plays))
        self.play([replace(record, data=record.data.replace(bytes((192, 0, 2, 10)), client)) for record in records])

    def flood(self, frames):
        """Sends frames as fast as they go."""
        for frame in frames:
            self.send(frame)

    def down(self):
        ip("link", "set", self.inner, "down")

    def up(self):
        ip("link", "set", self.inner, "up")

    def remove(self):
        self.socket.close()
        ip("link", "del", self.inner)


class Sensor:
    """downgrd -i in this namespace. As a context it is stopped at the end, whatever happened."""

    def __init__(self, program, interfaces, folder, *options, config=None, prefix=(), name="sensor"):
        self.folder = Path(folder)
        self.eve = self.folder / f"{name}.eve.json"
        self.errors = self.folder / f"{name}.stderr"
        self.report = self.folder / f"{name}.stdout"
        self.eve.unlink(missing_ok=True)
        command = [*prefix, program]
        for interface in interfaces:
            command += ["-i", interface]
        command += ["--eve", str(self.eve), *options]
        if "--state" not in options:  # nothing is known of earlier runs
            state = self.folder / f"{name}.state"
            state.mkdir(exist_ok=True)
            command += ["--state", str(state)]
        if config is not None:
            self.config = self.folder / f"{name}.yaml"
            self.config.write_text(config)
            command += ["--config", str(self.config)]
        with self.errors.open("wb") as errors, self.report.open("wb") as report:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=report, stderr=errors)
        try:
            self.wait_for_text("listening on")
        except RuntimeError:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def text(self):
        return self.errors.read_text(errors="replace")

    def wait_for_text(self, text, seconds=START_SECONDS):
        def is_there():
            if self.process.poll() is not None and text not in self.text():
                raise RuntimeError(f"downgrd ended with {self.process.returncode}: {self.text()}")
            return text in self.text()

        wait_for(is_there, f"downgrd says '{text}'", seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; how long it took to end, in seconds. Fails unless it ended well."""
        begun = time.monotonic()
        self.signal(signal.SIGTERM)
        status = self.process.wait(timeout=STOP_SECONDS)
        if status != 0:
            raise RuntimeError(f"downgrd ended with {status}: {self.text()}")
        return time.monotonic() - begun

    def lines(self, event_type=None, eve=None):
        """Those that are there; the last one may be on its way."""
        whole = (eve or self.eve).read_text().rpartition("\n")[0]
        found = [json.loads(line) for line in whole.splitlines()]
        return [line for line in found if event_type in (None, line["event_type"])]

    def memory_kib(self, field="VmRSS"):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        return 0


def replayed(program, capture, *options):
    """The EVE lines of the same program's replay."""
    done = subprocess.run(
        [program, "-q", "-r", str(capture), "--eve", "-", "--exit-zero", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def read(capture):
    return capture_file.read(Path(capture).read_bytes())


def last_stats(eve):
    """The last line of statistics of an EVE file."""
    lines = [json.loads(line) for line in Path(eve).read_text().splitlines() if '"event_type":"stats"' in line]
    return lines[-1]
