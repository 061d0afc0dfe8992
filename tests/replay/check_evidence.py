#!/usr/bin/env python3
"""check_evidence.py - the capture files that --evidence keeps, as somebody opens them afterwards.

usage: check_evidence.py DOWNGRD

Replays the captures of pcaps/ and looks at each alert's file: it is where the alert says, of mode
0600, holds only frames of the capture, byte by byte, and all that the evidence names, with their
numbers in the capture and what the evidence says of them; tshark reads the same in it; downgrd finds
the same again in it. Then the bounds, a directory that does not take
files, names from the wire, fragments and tunnels, taps, and that the same capture gives the same
bytes. One line per case, with the differences below it. Status 0 when all agree, 1 when not, 77
when there is no tshark. Python 3 standard library only.
"""

import collections
import json
import os
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/generate"))

import capture_file  # noqa: E402

PCAPS = SOURCE / "pcaps"
ATTACK = "sentinel-attack-client-side.pcap"
SEVERAL = "injected-reset-dance.pcap"  # two alerts of class attack
LOUD = "rules: {legacy-version: {enabled: true, below: tls1.3}}\nevidence: {all_classes: true}\n"
SECONDS = 60
COMMENT, PACKET_ID = 1, 5  # options
# Kinds that speak of what other connections of the capture did, and a failure that is silence to
# the time-out, which the end of a short capture cannot show.
NOT_ALONE = {"server-regression", "pq-downgrade", "split-view", "starttls-stripping", "scanner"}
NOT_AGAIN = {("dance-blackhole.pcap", "fallback-dance")}


class Sensor:
    def __init__(self, program, folder):
        self.program = str(Path(program).resolve())
        self.folder = folder

    def run(self, directory, captures, *words, config=None, before=None):
        """(status, EVE lines, stderr) with --evidence; captures are names of pcaps/, or paths."""
        command = [self.program, "--eve", "-", *words]
        if directory is not None:
            command += ["--evidence", str(directory)]
        if config is not None:
            path = self.folder / "config.yaml"
            path.write_text(config)
            command += ["--config", str(path)]
        done = subprocess.run(
            [*command, "-r", *map(str, captures)],
            cwd=PCAPS,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            preexec_fn=before,
        )
        lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return done.returncode, lines, done.stderr.decode()


def alerts_of(lines):
    return [line for line in lines if line["event_type"] == "alert"]


def stats_of(lines, name):
    return sum(line["downgrade"][name] for line in lines if line["event_type"] == "stats")


def frames_of(path):
    """[(microseconds, bytes, size on the wire, link type)]"""
    records = capture_file.read(path.read_bytes())
    return [(r.time_ns // 1000, r.data, r.wire_size, r.link) for r in records]


def options_of(block, at):
    """{code: value} of the options from there on to the block's end."""
    options = {}
    while at + 4 <= len(block):
        code, size = struct.unpack_from("<HH", block, at)
        options[code] = block[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return options


class Opened:
    """What a file says beside its frames."""

    def __init__(self, path):
        self.numbers, self.comments, self.told = [], {}, ""
        data = path.read_bytes() if path.is_file() else b""
        at = 0
        while at < len(data):
            kind, size = struct.unpack_from("<II", data, at)
            block = data[at + 8 : at + size - 4]
            at += size
            if kind == capture_file.SECTION_HEADER:
                self.told = options_of(block, 16)[COMMENT].decode()
            elif kind == capture_file.ENHANCED_PACKET:
                captured = struct.unpack_from("<I", block, 12)[0]
                options = options_of(block, 20 + captured + -captured % 4)
                self.numbers.append(struct.unpack("<Q", options[PACKET_ID])[0])
                if COMMENT in options:
                    self.comments[self.numbers[-1]] = options[COMMENT].decode()


def check_tshark(path):
    """It reads the same in the file."""
    opened = Opened(path)
    done = subprocess.run(
        ["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.packet_id", "-e",
         "frame.comment"], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    told = [(int(number), comment.replace("\\n", "\n")) for number, comment in rows]
    wanted = [(number, opened.comments.get(number, "")) for number in opened.numbers]
    good = done.returncode == 0 and told == wanted
    return [] if good else [f"tshark reads {told}, not {wanted}"]


def check_capinfos(paths):
    """Wireshark's reader reads all of them to their ends, and finds the section's comment."""
    done = subprocess.run(["capinfos", "-k", "-c", *paths], capture_output=True, timeout=SECONDS)
    told = " ".join(done.stdout.decode().split())
    wrong = [] if done.returncode == 0 else [done.stderr.decode()]
    return wrong + [f"capinfos does not tell the comment of {path.name}" for path in paths
                    if " ".join(Opened(path).told.split()) not in told]


def check_alert(alert, opened, capture, directory):
    """What is wrong with the file of one alert."""
    downgrade = alert["downgrade"]
    path = Path(downgrade.get("evidence_file", "none"))
    if path != directory / f"{downgrade['id']}.pcapng" or not path.is_file():
        return [f"the file is {path}"]
    wrong = []
    if stat.S_IMODE(path.stat().st_mode) != 0o600:
        wrong.append("its mode is not 0600")
    if [capture[number - 1] for number in opened.numbers] != frames_of(path):
        wrong.append("its frames are not those of the capture")
    if opened.numbers != sorted(set(opened.numbers)):
        wrong.append("its packets are not in order")
    for line in downgrade["evidence"]:
        text = f"{line['what']}: expected {line['expected']}, observed {line['observed']}"
        place = opened.told if line["packet"] is None else opened.comments.get(line["packet"], "")
        if text not in place:
            wrong.append(f"packet {line['packet']} has no comment '{text}' but '{place}'")
    for text in (downgrade["kind"], downgrade["id"], downgrade["domain"], alert["src_ip"],
                 alert["dest_ip"], f"confidence {downgrade['confidence']}"):
        if text not in opened.told:
            wrong.append(f"the section's comment lacks {text}")
    return wrong


def check_all(sensor, directory):
    """Every attack capture: the files, then what downgrd finds in them."""
    captures = sorted(path.name for path in PCAPS.glob("*.pcap*"))
    _, lines, said = sensor.run(directory, captures, "-q", "--exit-zero")
    wrong = [said] if "downgrd: evidence" in said else []
    attacks = [line for line in alerts_of(lines) if line["downgrade"]["class"] == "attack"]
    others = [line for line in alerts_of(lines) if line["downgrade"]["class"] != "attack"]
    wrong += [f"a file for {line['downgrade']['kind']}" for line in others
              if "evidence_file" in line["downgrade"]]
    files = sorted(path.name for path in directory.iterdir())
    if len(attacks) < 20 or files != sorted(f"{line['downgrade']['id']}.pcapng" for line in attacks):
        wrong.append(f"{len(attacks)} alerts, files: {files}")
    if (stats_of(lines, "evidence_files"), stats_of(lines, "evidence_lost")) != (len(attacks), 0):
        wrong.append("the stats lines count otherwise")
    frames = {}
    for alert in attacks:
        name = alert["pcap_filename"]
        path = directory / f"{alert['downgrade']['id']}.pcapng"
        frames.setdefault(name, frames_of(PCAPS / name))
        wrong += [f"{name}, {alert['downgrade']['kind']}: {text}"
                  for text in check_alert(alert, Opened(path), frames[name], directory)]
    of_kind = {alert["downgrade"]["kind"]: alert["downgrade"]["id"] for alert in attacks}
    for kind, name in of_kind.items():
        wrong += [f"{kind}: {text}" for text in check_tshark(directory / f"{name}.pcapng")]
    wrong += check_capinfos([directory / name for name in files])
    return wrong + check_again(sensor, directory, attacks)


def check_again(sensor, directory, attacks):
    paths = {str(directory / f"{alert['downgrade']['id']}.pcapng"): alert for alert in attacks}
    _, lines, _ = sensor.run(None, sorted(paths), "-q", "--exit-zero")
    found = collections.defaultdict(set)
    for line in alerts_of(lines):
        found[line["pcap_filename"]].add(line["downgrade"]["kind"])
    wrong = []
    for path, alert in paths.items():
        kind = alert["downgrade"]["kind"]
        if kind in NOT_ALONE or (alert["pcap_filename"], kind) in NOT_AGAIN:
            continue
        if kind not in found[path]:
            wrong.append(f"{alert['pcap_filename']}: {kind} became {sorted(found[path])}")
    return wrong


def check_same_bytes(sensor, directory):
    """Again into the same directory, and from elsewhere into another."""
    sensor.run(directory, [ATTACK, SEVERAL], "-q")
    other = directory.with_name("other")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    (directory / "mine.txt").write_text("not downgrd's")
    sensor.run(directory, [ATTACK, SEVERAL], "-q")
    sensor.run(f"{other}/", [PCAPS / SEVERAL, PCAPS / ATTACK], "-q")
    after = {path.name: path.read_bytes() for path in directory.iterdir()}
    wrong = [] if after.pop("mine.txt") == b"not downgrd's" else ["it touched another file"]
    if len(before) != 3 or after != before:
        wrong.append(f"{sorted(before)} became {sorted(after)}")
    if {path.name: path.read_bytes() for path in other.iterdir()} != before:
        wrong.append("the other directory's files differ")
    if stat.S_IMODE(other.stat().st_mode) != 0o700:
        wrong.append("the directory that was made is not of mode 0700")
    return wrong


def check_bounds(sensor, directory):
    status, lines, said = sensor.run(directory, [ATTACK, SEVERAL], "-q",
                                     config="evidence: {max_files: 2}\n")
    named = [line for line in alerts_of(lines) if "evidence_file" in line["downgrade"]]
    wrong = []
    if status != 1 or len(alerts_of(lines)) != 3 or len(named) != 2:
        wrong.append(f"status {status}, {len(alerts_of(lines))} alerts, {len(named)} with a file")
    if (stats_of(lines, "evidence_files"), stats_of(lines, "evidence_lost")) != (2, 1):
        wrong.append("the stats lines count otherwise")
    if len(list(directory.iterdir())) != 2 or "1 alerts have no file" not in said:
        wrong.append(f"{list(directory.iterdir())}, said: {said}")
    return wrong


def deny_writing():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def check_unwritable(sensor, directory):
    """No directory; a file that cannot be replaced; a disk that is full after a thousand bytes."""
    wrong = []
    status, _, said = sensor.run(PCAPS / ATTACK, [ATTACK], "-q")
    if status != 2 or "cannot keep packets in" not in said:
        wrong.append(f"a file for a directory: status {status}, {said}")
    directory.mkdir()
    for line in alerts_of(sensor.run(None, [SEVERAL], "-q")[1]):
        (directory / f"{line['downgrade']['id']}.pcapng").mkdir()
    for before in (None, deny_writing):
        status, lines, said = sensor.run(directory, [SEVERAL], "-q", before=before)
        if status != 2 or said.count("cannot write") != 1 or "2 alerts have no file" not in said:
            wrong.append(f"status {status}, {said}")
        if any("evidence_file" in line["downgrade"] for line in alerts_of(lines)):
            wrong.append("an alert names a file")
        if len(alerts_of(lines)) != 2 or stats_of(lines, "evidence_lost") != 2:
            wrong.append("alerts are missing, or not counted")
        for path in directory.iterdir():
            if path.is_dir():
                path.rmdir()
            else:
                wrong.append(f"{path.name} was left behind")
    return wrong


def check_terminal(sensor, directory):
    _, _, said = sensor.run(directory, [ATTACK])
    (path,) = directory.iterdir()
    words = " ".join(said.split())
    return [] if f"packets kept in {path}" in words else [f"not said: {said}"]


def check_others(sensor, directory):
    """Alerts of class policy, if asked for; what has no ports, and other link types. A directory
    each, for some are one connection in several forms, and its alert is the same."""
    captures = sorted(path.name for pattern in ("fragments-*", "link-*", "qinq*", "vlan*")
                      for path in PCAPS.glob(f"{pattern}.pcap*"))
    wrong = []
    directory.mkdir()
    for name in captures:
        own = directory / name
        _, lines, _ = sensor.run(own, [name], "-q", config=LOUD)
        frames = frames_of(PCAPS / name)
        if not alerts_of(lines):
            wrong.append(f"{name}: no alert")
        for alert in alerts_of(lines):
            path = own / f"{alert['downgrade']['id']}.pcapng"
            wrong += [f"{name}: {text}" for text in check_alert(alert, Opened(path), frames, own)]
            _, again, _ = sensor.run(None, [path], "-q", config=LOUD)
            kinds = [line["downgrade"]["kind"] for line in alerts_of(again)]
            if alert["downgrade"]["kind"] not in kinds:
                wrong.append(f"{name}: {alert['downgrade']['kind']} became {kinds}")
    return wrong


def check_taps(sensor, directory):
    """Numbers count in each tap's own file."""
    captures = [ATTACK, "sentinel-attack-server-side.pcap"]
    _, lines, _ = sensor.run(directory, captures, "-q", "--taps")
    wrong = [] if len(alerts_of(lines)) >= 2 else ["too few alerts"]
    for alert in alerts_of(lines):
        opened = Opened(directory / f"{alert['downgrade']['id']}.pcapng")
        frames = frames_of(PCAPS / alert["pcap_filename"])
        wrong += [f"{alert['downgrade']['kind']}: {text}"
                  for text in check_alert(alert, opened, frames, directory)]
    return wrong


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if shutil.which("tshark") is None or shutil.which("capinfos") is None:
        print("skipped: there is no tshark")
        sys.exit(77)
    cases = (check_all, check_same_bytes, check_bounds, check_unwritable, check_terminal,
             check_others, check_taps)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(cases):
            part = Path(folder) / str(number)
            part.mkdir()
            wrong = case(Sensor(sys.argv[1], part), part / "kept")
            print(("FAIL " if wrong else "ok   ") + case.__name__, *wrong, sep="\n     ")
            failed = failed or bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
