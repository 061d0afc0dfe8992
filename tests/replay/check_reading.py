#!/usr/bin/env python3
"""check_reading.py - one capture, many ways to hold and hand over its bytes: the same findings.

usage: check_reading.py DOWNGRD [NAME...]

Takes the captures of pcaps/ and, where there are any, those of $DOWNGRD_SHARED/corpus (default:
../shared beside the source), and replays each as it is, from standard input (as a file and as a
pipe), packed with gzip and zstd, packed through a pipe, and rewritten: by this script as pcap and
pcapng of the other byte order, by editcap as pcapng and as pcap with nanoseconds. Files carry no
suffix, so nothing but their content can tell what they are.

Every way must give the EVE lines of the file as it is, but for pcap_filename and the stats line,
and end the same: with an error or without. Damaged captures are packed and piped like the others,
but not rewritten. NAMEs choose captures by a part of their path.

A way whose tool is missing (editcap, zstd) is skipped by name. Ways that take a run of a program for
each capture are tried with all of pcaps/ and every tenth capture of the corpus. Status 0 when all agree, 1 when not.
Python 3 standard library only.
"""

import argparse
import concurrent.futures
import gzip
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(os.environ.get("DOWNGRD_SHARED", SOURCE_DIR.parent / "shared")) / "corpus"
STEP = 10  # of the corpus's captures
JOBS = 2
SECONDS = 60  # for one run
MAX_SHOWN = 5  # differences of one way

MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D


class Findings:
    """What one replay of one capture gave."""

    def __init__(self):
        self.lines = []
        self.failed = False


def find_captures():
    """[(path, whether it is one of the project's own)]."""
    captures = [(path, True) for path in sorted((SOURCE_DIR / "pcaps").glob("*.pcap*"))]
    if (CORPUS / "MANIFEST.tsv").exists():
        names = [line.rstrip("\n").split("\t")[2] for line in (CORPUS / "MANIFEST.tsv").open()]
        captures += [(CORPUS / name, False) for name in names]
    else:
        print(f"skipped: the corpus: nothing at {CORPUS} (DOWNGRD_SHARED names its folder)")
    return captures


def run(downgrd, words, **source):
    done = subprocess.run([downgrd, "--quiet", "--exit-zero", "--eve", "-", "-r", *words],
                          capture_output=True, timeout=SECONDS, **source)
    if done.returncode not in (0, 2):
        sys.exit(f"downgrd ended with status {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done


def take_lines(output):
    """(name of the capture, line without it) of each EVE line but stats."""
    for line in output.decode().splitlines():
        event = json.loads(line)
        name = event.pop("pcap_filename")
        if event["event_type"] != "stats":
            yield name, event


def replay_files(downgrd, files):
    """{key: Findings} of {key: path}, all in one run."""
    findings = {key: Findings() for key in files}
    keys = {str(path): key for key, path in files.items()}
    if not files:
        return findings
    done = run(downgrd, list(keys), stdin=subprocess.DEVNULL)
    for name, event in take_lines(done.stdout):
        findings[keys[name]].lines.append(event)
    for line in done.stderr.decode().splitlines():
        for path, key in keys.items():
            if line.startswith(f"downgrd: {path}: "):
                findings[key].failed = True
    return findings


def replay_one(downgrd, **source):
    done = run(downgrd, ["-"], **source)
    findings = Findings()
    findings.lines = [event for _, event in take_lines(done.stdout)]
    findings.failed = done.returncode != 0
    return findings


def replay_opened(downgrd, path):
    with open(path, "rb") as opened:
        return replay_one(downgrd, stdin=opened)


def replay_piped(downgrd, path):
    return replay_one(downgrd, input=path.read_bytes())


def each(function, downgrd, files, pool):
    """{key: Findings} of {key: path}, one run for each."""
    return dict(zip(files, pool.map(lambda path: function(downgrd, path), files.values())))


def pack_gzip(files, folder):
    """{key: path} of packed copies, in two members each."""
    packed = {}
    for key, path in files.items():
        content = path.read_bytes()
        half = len(content) // 2
        packed[key] = folder / f"{key}"
        packed[key].write_bytes(gzip.compress(content[:half], 6) + gzip.compress(content[half:], 6))
    return packed


def pack_zstd(files, folder):
    copies = folder / "copies"
    copies.mkdir()
    for key, path in files.items():
        (copies / f"{key}").symlink_to(path)
    subprocess.run(["zstd", "-q", "-f", "--output-dir-flat", folder, *sorted(copies.iterdir())],
                   check=True, stdin=subprocess.DEVNULL)
    return {key: (folder / f"{key}.zst").rename(folder / f"{key}") for key in files}


def read_pcap(path):
    """(magic, byte order, link type, [(seconds, fraction, wire size, bytes)]), or None for what is
    no whole pcap file of version 2.4."""
    content = path.read_bytes()
    for order in "<>":
        if len(content) >= 24:
            magic, major, minor, _, _, _, link_type = struct.unpack_from(order + "IHHIIII", content)
            if magic in (MICROSECONDS, NANOSECONDS) and (major, minor) == (2, 4):
                break
    else:
        return None
    packets = []
    at = 24
    while at < len(content):
        if len(content) - at < 16:
            return None
        seconds, fraction, size, wire_size = struct.unpack_from(order + "IIII", content, at)
        at += 16
        if len(content) - at < size or size > 262144 or fraction >= 1000000000:
            return None
        packets.append((seconds, fraction, wire_size, content[at:at + size]))
        at += size
    return magic, order, link_type, packets


def write_pcap(capture, path):
    """The same file in the other byte order."""
    magic, order, link_type, packets = capture
    order = "<" if order == ">" else ">"
    with path.open("wb") as out:
        out.write(struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 262144, link_type))
        for seconds, fraction, wire_size, data in packets:
            out.write(struct.pack(order + "IIII", seconds, fraction, len(data), wire_size) + data)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def write_pcapng(capture, path):
    """As pcapng in the other byte order: two sections, three interfaces with the same link type and
    times in nanoseconds, in 2^-30 seconds and, when that is exact, in microseconds with an offset."""
    magic, order, link_type, packets = capture
    order = "<" if order == ">" else ">"
    section = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    resolutions = [(0x09, 0), (0x9E, 0), (0x06 if magic == MICROSECONDS else 0x09, 1000000000)]
    with path.open("wb") as out:
        half = len(packets) // 2
        for part in packets[:half], packets[half:]:
            out.write(section)
            for resolution, offset in resolutions:
                out.write(block(order, 1, struct.pack(order + "HHIHHBxxxHHqI", link_type & 0xFFFF, 0,
                                                      0, 9, 1, resolution, 14, 8, offset, 0)))
            for number, (seconds, fraction, wire_size, data) in enumerate(part):
                interface = number % len(resolutions)
                resolution, offset = resolutions[interface]
                nanoseconds = fraction * (1000 if magic == MICROSECONDS else 1)
                if seconds < offset or nanoseconds >= 1000000000:
                    interface, (resolution, offset) = 0, resolutions[0]
                ticks = (seconds - offset) * 1000000000 + nanoseconds
                if resolution == 0x06:
                    ticks //= 1000
                elif resolution == 0x9E:  # the first tick at or after it: rounded down it is the same
                    ticks = -(-(ticks << 30) // 1000000000)
                out.write(block(order, 4, bytes(4)))
                out.write(block(order, 6, struct.pack(order + "IIIII", interface, ticks >> 32,
                                                      ticks & 0xFFFFFFFF, len(data), wire_size)
                                + data))


def rewrite(write, files, folder):
    rewritten = {}
    for key, path in files.items():
        capture = read_pcap(path)
        if capture is not None:
            rewritten[key] = folder / f"{key}"
            write(capture, rewritten[key])
    return rewritten


def convert(kind, files, folder, pool):
    """By editcap; without those that it refuses."""
    def convert_one(item):
        key, path = item
        done = subprocess.run(["editcap", "-F", kind, path, folder / f"{key}"],
                              stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode == 0
    made = pool.map(convert_one, files.items())
    return {key: folder / f"{key}" for key, good in zip(files, made) if good}


def compare(way, expected, found, names):
    """Prints one line, and the first differences; True when there are none."""
    differences = []
    for key, findings in found.items():
        wanted = expected[key]
        if findings.failed != wanted.failed:
            differences.append(f"{names[key]}: {'an' if findings.failed else 'no'} error")
        elif findings.lines != wanted.lines:
            differences.append(f"{names[key]}: {len(wanted.lines)} lines wanted, "
                               f"{len(findings.lines)} found")
            for one, other in zip(wanted.lines, findings.lines):
                if one != other:
                    differences[-1] += f"\n       wanted {json.dumps(one)}"
                    differences[-1] += f"\n       found  {json.dumps(other)}"
                    break
    lines = sum(len(findings.lines) for findings in found.values())
    good = bool(found) and not differences
    print(f"{'ok  ' if good else 'FAIL'} {way}: {len(found)} captures, {lines} lines", flush=True)
    for difference in differences[:MAX_SHOWN]:
        print(f"     {difference}")
    return good


def check(downgrd, captures, scratch, pool):
    names = {key: path for key, (path, _) in enumerate(captures)}
    files = {key: path for key, (path, _) in enumerate(captures)}
    expected = replay_files(downgrd, files)
    whole = {key: path for key, path in files.items() if not expected[key].failed}

    def some(paths):
        return {key: path for key, path in paths.items() if captures[key][1] or key % STEP == 0}

    print(f"{len(files)} captures, {len(files) - len(whole)} of them with an error, "
          f"{sum(len(findings.lines) for findings in expected.values())} lines", flush=True)

    def folder(name):
        path = scratch / name
        path.mkdir()
        return path

    results = []

    def report(way, found):
        results.append(compare(way, expected, found, names))

    report("standard input, a file", each(replay_opened, downgrd, some(files), pool))
    report("standard input, a pipe", each(replay_piped, downgrd, some(files), pool))
    packed = pack_gzip(files, folder("gzip"))
    report("gzip", replay_files(downgrd, packed))
    report("gzip, through a pipe", each(replay_piped, downgrd, some(packed), pool))
    for way, write in (("pcap, other byte order", write_pcap),
                       ("pcapng, other byte order", write_pcapng)):
        rewritten = rewrite(write, whole, folder(way))
        report(way, replay_files(downgrd, rewritten))
    if shutil.which("zstd"):
        packed = pack_zstd(files, folder("zstd"))
        report("zstd", replay_files(downgrd, packed))
        report("zstd, through a pipe", each(replay_piped, downgrd, some(packed), pool))
    else:
        print("skipped: zstd: there is no zstd program")
    for kind in ("pcapng", "nsecpcap"):
        if shutil.which("editcap"):
            converted = convert(kind, some(whole), folder(kind), pool)
            report(f"editcap -F {kind}", replay_files(downgrd, converted))
        else:
            print(f"skipped: editcap -F {kind}: there is no editcap program (tshark brings it)")
    return all(results)


def main():
    parser = argparse.ArgumentParser(description="the same findings, however a capture is read")
    parser.add_argument("downgrd", help="the program")
    parser.add_argument("name", nargs="*", help="parts of the paths of captures (default: all)")
    options = parser.parse_args()
    downgrd = str(pathlib.Path(options.downgrd).resolve())
    captures = [(path, own) for path, own in find_captures()
                if not options.name or any(name in str(path) for name in options.name)]
    if not captures:
        sys.exit("no captures")
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        good = check(downgrd, captures, pathlib.Path(folder), pool)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
