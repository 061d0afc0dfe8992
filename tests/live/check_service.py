#!/usr/bin/env python3
"""check_service - downgrd -i as the service that systemd would start: what it says to the service
manager, what rights it has left, and that it still reloads and rotates its files with them.

usage: check_service.py DOWNGRD

The manager is played by this script (NOTIFY_SOCKET, sd_notify(3)); the rights are read from /proc.
Needs root, for a network namespace; skipped (77) by name without. Python 3 standard library only.
"""

import contextlib
import os
import pathlib
import signal
import socket
import sys
import tempfile
import time

import wire

NOBODY = 65534
CAP_NET_RAW = 1 << 13
WATCHDOG_S = 2

failures = 0


def check(is_good, text):
    global failures
    if not is_good:
        failures += 1
        print(f"FAILED: {text}")


class Manager:
    """The service manager's end: a socket that messages come to."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.heard = []

    def environment(self):
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}

    def wait_for(self, text, seconds=20):
        """Until a message with this line comes; its whole text, "" when none does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                message = self.socket.recv(4096).decode()
            except TimeoutError:
                break
            self.heard.append(message)
            if text in message.splitlines() or message.startswith(text):
                return message
        return ""


@contextlib.contextmanager
def environment(values):
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def status_of(process):
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def open_folder(scratch, name):
    """A folder that anyone may write to: the sensor becomes another user."""
    folder = scratch / name
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def check_rights(sensor, capabilities, user):
    status = status_of(sensor.process)
    check(status["NoNewPrivs"] == "1", f"NoNewPrivs {status['NoNewPrivs']}")
    check(status["Seccomp"] == "2", f"Seccomp {status['Seccomp']}")
    check(status["Uid"].split() == [str(user)] * 4, f"Uid {status['Uid']}")
    for name in ("CapEff", "CapPrm"):
        check(int(status[name], 16) == capabilities, f"{name} {status[name]}")
    check(int(status["CapBnd"], 16) == 0, f"CapBnd {status['CapBnd']}")
    for thread in pathlib.Path(f"/proc/{sensor.process.pid}/task").iterdir():
        lines = (thread / "status").read_text()
        check("Seccomp:\t2" in lines and "NoNewPrivs:\t1" in lines, f"thread {thread.name}")


def check_conversation(program, link, scratch):
    """READY, watchdog, reload, STOPPING, in that order."""
    folder = open_folder(scratch, "conversation")
    manager = Manager(folder)
    with environment(manager.environment()):
        sensor = wire.Sensor(program, [link.name], folder, "-q", config="log: {level: notice}\n")
    with sensor:
        check(manager.wait_for("READY=1"), f"no READY: {manager.heard}")
        begun = time.monotonic()
        for _ in range(3):
            check(manager.wait_for("WATCHDOG=1", WATCHDOG_S), f"no WATCHDOG: {manager.heard}")
        check(time.monotonic() - begun < 3 * WATCHDOG_S, "the watchdog would have bitten")
        check(any(text.startswith("STATUS=") for text in manager.heard), "no STATUS")
        sensor.signal(signal.SIGHUP)
        check("MONOTONIC_USEC=" in manager.wait_for("RELOADING=1"), "no RELOADING")
        check(manager.wait_for("READY=1"), "no READY after the reload")
        sensor.stop()
        check(manager.wait_for("STOPPING=1"), "no STOPPING")


def check_as_root(program, link, scratch):
    folder = open_folder(scratch, "root")
    with wire.Sensor(program, [link.name], folder, "-q") as sensor:
        check_rights(sensor, 0, 0)
        sensor.stop()


def check_as_user(program, link, scratch, records, others):
    """Another user, with everything that is opened later: configuration, EVE, evidence."""
    folder = open_folder(scratch, "user")
    evidence = open_folder(folder, "evidence")
    with wire.Sensor(program, [link.name], folder, "-q", "--user", "nobody", "--evidence",
                     str(evidence), "--state", str(folder / "state"), config="rules: {}\n") as sensor:
        check_rights(sensor, 0, NOBODY)
        link.play(records)
        wire.wait_for(lambda: list(evidence.iterdir()), "an evidence file")
        wire.wait_for(lambda: '"event_type":"tls"' in sensor.eve.read_text(), "a handshake's line")
        rotated = folder / "rotated"
        sensor.eve.rename(rotated)
        sensor.config.rename(folder / "old.yaml")
        sensor.config.write_text("rules: {downgrade-sentinel: {severity: low}}\n")
        sensor.signal(signal.SIGHUP)
        sensor.wait_for_text("is in force, output opened again")
        wire.wait_for(sensor.eve.exists, "a new EVE file")
        check(sensor.eve.stat().st_uid == NOBODY, "the new EVE file's owner")
        link.play(others)
        sensor.stop()
        check(len(sensor.lines("tls")) > 0 and len(sensor.lines("tls", rotated)) > 0,
              f"handshakes before and after the rotation: {sensor.text()} {sensor.eve.read_text()[:600]}")
        check(all(path.stat().st_uid == NOBODY for path in evidence.iterdir()), "evidence's owner")


def check_reopening(program, link, scratch):
    """The one capability that may stay, when the configuration says so."""
    folder = open_folder(scratch, "reopen")
    with wire.Sensor(program, [link.name], folder, "-q", "--user", str(NOBODY),
                     config="rights: {reopen: true}\n") as sensor:
        check_rights(sensor, CAP_NET_RAW, NOBODY)
        link.remove()
        sensor.wait_for_text("is gone")
        again = wire.Wire(link.name)
        sensor.wait_for_text("is back")
        sensor.stop()
        again.remove()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wire.enter()
    program = os.path.abspath(sys.argv[1])
    pcaps = pathlib.Path(__file__).resolve().parents[2] / "pcaps"
    records = wire.read(pcaps / "sentinel-attack-client-side.pcap")
    others = wire.read(pcaps / "honest-tls12.pcap")
    with tempfile.TemporaryDirectory(prefix="downgrd-service.") as name:
        scratch = pathlib.Path(name)
        scratch.chmod(0o755)
        link = wire.Wire("tap0")
        check_conversation(program, link, scratch)
        check_as_root(program, link, scratch)
        check_as_user(program, link, scratch, records, others)
        check_reopening(program, link, scratch)
    print("failed" if failures else "the service does what it should")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
