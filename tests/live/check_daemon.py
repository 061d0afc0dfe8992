#!/usr/bin/env python3
"""check_daemon.py - downgrd -i as something that is left alone: signals, reloads, log rotation,
statistics, silence, interfaces that come and go, packets that are lost, disks that are full.

usage: check_daemon.py DOWNGRD [CASE...]

Each case has a sensor and a veth pair of its own, in a network namespace that vanishes with the
test. Skipped (77) without root. Python 3 standard library only.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import wire

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
CASES = []


def case(function):
    CASES.append(function)
    return function


def demand(condition, text):
    if not condition:
        raise AssertionError(text)


def capture(name):
    return wire.read(PCAPS / f"{name}.pcap")


def until_hello(records, hellos=1):
    """The records up to the first that carries a ClientHello."""
    for number, record in enumerate(records):
        if b"\x16\x03" in record.data[54:80] and record.data[54:].find(b"\x01\x00") >= 0:
            return records[: number + hellos]
    raise AssertionError("no ClientHello in the capture")


def wait_for_lines(sensor, event_type, count, seconds=5):
    def are_there():
        return sensor.eve.exists() and len(sensor.lines(event_type)) >= count

    wire.wait_for(are_there, f"{count} lines of type {event_type}", seconds)
    return sensor.lines(event_type)


@case
def term_ends_within_seconds(program, link, folder):
    """What is in progress is told as inconclusive, and the last statistics are complete."""
    with wire.Sensor(program, [link.name], folder) as sensor:
        link.play_anew(capture("honest-tls13"))
        records = capture("honest-tls12")
        link.play_anew(until_hello(records))
        took = sensor.stop()
        demand(took < 3, f"it took {took:.1f} s")
        outcomes = sorted(line["downgrade"]["outcome"] for line in sensor.lines("tls"))
        demand(outcomes == ["completed", "inconclusive"], f"outcomes {outcomes}")
        stats = sensor.lines("stats")[-1]
        demand(stats["downgrade"]["handshakes"] == 2, f"last statistics: {stats}")
        demand("total" in sensor.report.read_text(), "no table at the end")


@case
def usr1_prints_the_table(program, link, folder):
    with wire.Sensor(program, [link.name], folder) as sensor:
        link.play_anew(capture("honest-tls13"))
        wait_for_lines(sensor, "tls", 1)
        demand("total" not in sensor.report.read_text(), "a table too early")
        sensor.signal(signal.SIGUSR1)
        wire.wait_for(lambda: "total" in sensor.report.read_text(), "the table", 3)
        sensor.stop()


@case
def reload_changes_rules_or_nothing(program, link, folder):
    config = "rules: {legacy-version: {enabled: false}}\n"
    with wire.Sensor(program, [link.name], folder, config=config) as sensor:
        legacy = capture("honest-tls10")
        link.play_anew(legacy)
        wait_for_lines(sensor, "tls", 1)
        demand(sensor.lines("alert") == [], "an alert of a rule that is off")
        sensor.config.write_text("rules: {legacy-version: {enabled: true}}\nflows: {connections: 4096}\n"
                                 "flow: {}\n")
        sensor.signal(signal.SIGHUP)
        sensor.wait_for_text("the configuration that is in force stays")
        demand("unknown key 'flow'" in sensor.text(), "the error is not told")
        link.play_anew(legacy)
        wait_for_lines(sensor, "tls", 2)
        demand(sensor.lines("alert") == [], "a configuration with errors is in force")
        sensor.config.write_text("rules: {legacy-version: {enabled: true}}\n"
                                 "flows: {connections: 32768}\n")
        sensor.signal(signal.SIGHUP)
        sensor.wait_for_text("is in force, output opened again")
        demand("changed in flows or buffers" in sensor.text(), "what needs a new start is not told")
        link.play_anew(legacy)
        alerts = wait_for_lines(sensor, "alert", 1)
        demand(alerts[0]["downgrade"]["kind"] == "legacy-version", f"alert {alerts[0]}")
        sensor.stop()


@case
def eve_is_opened_again(program, link, folder):
    """As logrotate does: moved away, then SIGHUP; every line is in one of the two files."""
    with wire.Sensor(program, [link.name], folder) as sensor:
        records = capture("honest-tls13")
        link.play_anew(records)
        wait_for_lines(sensor, "tls", 1)
        moved = sensor.eve.with_suffix(".1")
        sensor.eve.rename(moved)
        sensor.signal(signal.SIGHUP)
        wire.wait_for(sensor.eve.exists, "the new file", 3)
        link.play_anew(records)
        wait_for_lines(sensor, "tls", 1)
        sensor.stop()
        demand(len(sensor.lines("tls", moved)) == 1, "the old file has lost lines")
        demand(len(sensor.lines("tls")) == 1, "the new file lacks lines")


@case
def statistics_come_by_themselves(program, link, folder):
    with wire.Sensor(program, [link.name], folder, config="capture: {stats_interval: 1s}\n") as sensor:
        records = capture("honest-tls13")
        link.play_anew(records)
        lines = wait_for_lines(sensor, "stats", 2)
        stats = lines[-1]
        demand(stats["in_iface"] == link.name, f"in_iface of {stats}")
        demand(stats["stats"]["decoder"]["pkts"] == len(records), f"packets of {stats}")
        demand(stats["stats"]["capture"]["kernel_drops"] == 0, f"drops of {stats}")
        sensor.stop()


@case
def silence_ends_handshakes(program, link, folder):
    """No further packet comes, and still the handshake that got no answer ends in its time."""
    with wire.Sensor(program, [link.name], folder, config="flows: {handshake_timeout: 1s}\n") as sensor:
        link.play_anew(until_hello(capture("honest-tls12")))
        begun = time.monotonic()
        line = wait_for_lines(sensor, "tls", 1)[0]
        took = time.monotonic() - begun
        demand(0.8 < took < 2.5, f"told after {took:.1f} s")
        demand(line["downgrade"]["outcome"] == "failed", f"outcome of {line['downgrade']}")
        sensor.stop()


@case
def interface_down_and_up(program, link, folder):
    """The handshake in progress is inconclusive, not failed; what comes later is judged."""
    config = "flows: {handshake_timeout: 3s}\n"
    with wire.Sensor(program, [link.name], folder, config=config) as sensor:
        records = capture("honest-tls12")
        link.play_anew(until_hello(records))
        link.down()
        sensor.wait_for_text("is down")
        link.up()
        sensor.wait_for_text("is up again")
        link.wait_until_up()
        line = wait_for_lines(sensor, "tls", 1)[0]
        demand(line["downgrade"]["outcome"] == "inconclusive", f"outcome of {line['downgrade']}")
        link.play_anew(records)
        line = wait_for_lines(sensor, "tls", 2)[1]
        demand(line["downgrade"]["outcome"] == "completed", f"outcome of {line['downgrade']}")
        sensor.stop()
        demand(sensor.lines("stats")[-1]["downgrade"]["interface_downs"] == 1, "the flap is not counted")


@case
def interface_gone_and_back(program, link, folder, workers=1):
    config = f"capture: {{workers: {workers}}}\nrights: {{reopen: true}}\nlog: {{level: info}}\n"
    with wire.Sensor(program, [link.name], folder, config=config) as sensor:
        link.remove()
        sensor.wait_for_text("is gone")
        fresh = wire.Wire(link.name)
        sensor.wait_for_text("is back", 8)
        wire.wait_for(lambda: sensor.text().count("is back") == workers, "all workers are back", 8)
        records = capture("honest-tls13")
        fresh.play_anew(records)
        wait_for_lines(sensor, "tls", 1)
        sensor.stop()
        lines = sensor.lines("tls")
        demand([line["downgrade"]["outcome"] for line in lines] == ["completed"], f"lines {lines}")
        fresh.remove()
    link.__init__(link.name)


@case
def interface_of_several_workers_gone_and_back(program, link, folder):
    interface_gone_and_back(program, link, folder, workers=3)


def filler(size):
    """A frame that no handshake is in: UDP to the discard port."""
    payload = bytes(size)
    udp = b"\x00\x09\x00\x09" + (8 + size).to_bytes(2, "big") + b"\x00\x00" + payload
    head = b"\x45\x00" + (20 + len(udp)).to_bytes(2, "big") + b"\x00\x00\x00\x00\x40\x11\x00\x00"
    return bytes(12) + b"\x08\x00" + head + b"\xc0\x00\x02\x01\xc0\x00\x02\x02" + udp


@case
def packets_that_the_kernel_dropped(program, link, folder):
    """A sensor that stands still: the drops are counted, what they may have hit is inconclusive, and
    a handshake beside them that lacks nothing is complete."""
    config = "capture: {buffer: 4194304}\nflows: {handshake_timeout: 2s}\n"
    with wire.Sensor(program, [link.name], folder, config=config) as sensor:
        link.play_anew(until_hello(capture("honest-tls12")))
        time.sleep(0.2)
        sensor.signal(signal.SIGSTOP)
        link.flood([filler(1400)] * 6000)
        sensor.signal(signal.SIGCONT)
        sensor.wait_for_text("the kernel dropped")
        time.sleep(0.3)
        link.play_anew(capture("honest-tls13"))
        lines = wait_for_lines(sensor, "tls", 2)
        sensor.stop()
        by_outcome = {line["downgrade"]["outcome"]: line["tls"]["version"] for line in lines}
        demand(by_outcome == {"completed": "TLS 1.3", "inconclusive": "UNDETERMINED"}, f"{by_outcome}")
        stats = sensor.lines("stats")[-1]["stats"]["capture"]
        demand(stats["kernel_drops"] > 0, f"{stats}")
        demand("packets by the kernel" in sensor.report.read_text(), "the table does not tell")


@case
def full_disk(program, link, folder):
    """Told once; lines wait and come when there is room again, none lost."""
    mount = Path(folder) / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)], check=True)
    try:
        ballast = mount / "ballast"
        ballast.write_bytes(bytes(248 * 1024))
        with wire.Sensor(program, [link.name], mount, "--no-confine") as sensor:
            records = capture("honest-tls13")
            for _ in range(12):
                link.play_anew(records)
            sensor.wait_for_text("cannot be written")
            ballast.unlink()
            wait_for_lines(sensor, "tls", 12)
            sensor.wait_for_text("can be written again")
            sensor.stop()
            demand(sensor.text().count("cannot be written") == 1, "told more than once")
            demand(sensor.lines("stats")[-1]["downgrade"]["lines_lost"] == 0, "lines were lost")
    finally:
        subprocess.run(["umount", str(mount)], check=False)


@case
def evidence_on_a_hung_disk(program, link, folder):
    """Alerts are told all the same; the files come when the disk goes on."""
    image, mount = Path(folder) / "image", Path(folder) / "frozen"
    image.write_bytes(bytes(16 << 20))
    mount.mkdir()
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(mount)], capture_output=True).returncode != 0:
        return "skipped: there is no loop device"
    try:
        with wire.Sensor(program, [link.name], folder, "--evidence", str(mount / "evidence")) as sensor:
            subprocess.run(["fsfreeze", "--freeze", str(mount)], check=True)
            for count, name in enumerate(("sentinel-attack-client-side", "forged-version"), 1):
                link.play_anew(capture(name))
                begun = time.monotonic()
                alerts = wait_for_lines(sensor, "alert", count)
                demand(time.monotonic() - begun < 1, f"{name}: judging was held up")
            files = [Path(alert["downgrade"]["evidence_file"]) for alert in alerts]
            demand(not any(file.exists() for file in files), "the disk did not hang")
            subprocess.run(["fsfreeze", "--unfreeze", str(mount)], check=True)
            wire.wait_for(lambda: all(file.exists() for file in files), "the files", 5)
            sensor.stop()
            figures = sensor.lines("stats")[-1]["downgrade"]
            demand((figures["evidence_files"], figures["evidence_lost"]) == (len(files), 0), f"{figures}")
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", str(mount)], capture_output=True)
        subprocess.run(["umount", str(mount)], check=False)


@case
def evidence_that_cannot_be_written(program, link, folder):
    """It is told once and counted."""
    with wire.Sensor(program, [link.name], folder, "--evidence", f"{folder}/evidence", "--no-confine") as sensor:
        Path(folder, "evidence").rmdir()
        for count, name in enumerate(("sentinel-attack-client-side", "forged-version"), 1):
            link.play_anew(capture(name))
            wait_for_lines(sensor, "alert", count)
        alerts = sensor.lines("alert")
        sensor.stop()
        demand(sensor.text().count("evidence: cannot write") == 1, "not told once")
        figures = sensor.lines("stats")[-1]["downgrade"]
        demand((figures["evidence_files"], figures["evidence_lost"]) == (0, len(alerts)), f"{figures}")


@case
def alerts_within_a_second(program, link, folder):
    """From the last packet of the handshake to the line in the file."""
    with wire.Sensor(program, [link.name], folder) as sensor:
        for name in ("sentinel-attack-client-side", "forged-version", "injected-alert-wins"):
            count = len(sensor.lines("alert"))
            link.play_anew(capture(name))
            begun = time.monotonic()
            wait_for_lines(sensor, "alert", count + 1)
            took = time.monotonic() - begun
            demand(took < 1, f"{name}: {took:.2f} s")
            time.sleep(1.5)
        sensor.stop()


@case
def two_taps(program, link, folder):
    """Each -i is a tap: both are named, what is rewritten between them is seen, and the second sight
    of a handshake is not counted again."""
    other = wire.Wire("second")
    try:
        with wire.Sensor(program, [link.name, other.name], folder) as sensor:
            both = [(record, link) for record in capture("taps-cut-client-side")]
            both += [(record, other) for record in capture("taps-cut-server-side")]
            for record, where in sorted(both, key=lambda pair: pair[0].time_ns):
                where.send(record.data)
                time.sleep(0.001)
            wait_for_lines(sensor, "tls", 2)
            sensor.stop()
            interfaces = {line["in_iface"] for line in sensor.lines("tls")}
            demand(interfaces == {link.name, other.name}, f"interfaces {interfaces}")
            kinds = {line["downgrade"]["kind"] for line in sensor.lines("alert")}
            demand("split-view" in kinds, f"alerts {kinds}")
    finally:
        other.remove()


@case
def refusals(program, link, folder):
    """What cannot be is said in one line, with the remedy, and nothing is started."""
    for words, text in (
        (["-i", "nonesuch"], "ip link shows those there are"),
        (["-i", link.name, "-r", "x.pcap"], "one of them at a time"),
        (["-i", link.name, "--filter", "nonsense and"], "cannot be used"),
        (["-i", link.name, "--eve", "/nonexistent/eve.json"], "cannot write EVE lines"),
    ):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=20)
        demand(done.returncode == 2 and text in done.stderr, f"{words}: {done.returncode} {done.stderr}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    wire.enter()
    os.chdir("/")
    program = str(Path(sys.argv[1]).resolve()) if os.path.isabs(sys.argv[1]) else sys.argv[1]
    failed = 0
    for function in CASES:
        if sys.argv[2:] and function.__name__ not in sys.argv[2:]:
            continue
        link = wire.Wire("tap")
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                result = function(program, link, folder) or "ok"
            except (AssertionError, RuntimeError, subprocess.SubprocessError) as error:
                said = "".join(file.read_text() for file in Path(folder).rglob("*.stderr"))
                result = f"FAILED: {error}\n{said}"
                failed += 1
        link.remove()
        print(f"{function.__name__} ({time.monotonic() - begun:.1f} s): {result}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
