#!/usr/bin/env python3
"""check_same_as_replay.py - live capture and replay share every stage: a capture that is put on a
wire, frame by frame at its own pace, gives the findings of `downgrd -r` on the file.

usage: check_same_as_replay.py DOWNGRD [--captures DIR] [--workers N]... [--verbose] [NAME...]

Each capture of Ethernet frames in pcaps/ is played onto a veth pair with a sensor of its own, once
with one worker and once with three, several at a time. Compared are all EVE lines of type tls and
alert, but for times, packet numbers and what is made of them. Skipped (77) without root. Python 3
standard library only.
"""

import argparse
import concurrent.futures
import json
import queue
import re
import sys
import tempfile
from pathlib import Path

import wire

DEFAULT_CAPTURES = Path(__file__).resolve().parents[2] / "pcaps"
SIDE_BY_SIDE = 6
TRIES_ALONE = 3
LONGEST_SECONDS = 15  # a capture that takes longer is not played
LINK_ETHERNET = 1
# Times, and what is made of times or of the source's name.
LEFT_OUT = {"timestamp", "flow_id", "in_iface", "pcap_filename", "pcap_cnt", "time", "id", "packet",
            "incident", "incident_part", "evidence_file", "dialogue", "observed", "expected"}

# Told of a client's n-th connection: which one that is, and how many come after it, is the order in which
# connections end that a scanner leaves within microseconds. Here it counts that it is told.
SCANNER = "scanner"


def bare(value):
    """Without what may differ, and in an order that does not depend on it."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items() if key not in LEFT_OUT}
    if isinstance(value, list):
        return [bare(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"in packet \d+", "in packet N", value)
    return value


def is_of_scanner(line):
    return line["event_type"] == "alert" and line["downgrade"]["kind"] == SCANNER


def findings(lines):
    wanted = [bare(line) for line in lines if line["event_type"] in ("tls", "alert") and not is_of_scanner(line)]
    texts = sorted(json.dumps(line, sort_keys=True) for line in wanted)
    return texts + [f"some alert of {SCANNER}"] * any(is_of_scanner(line) for line in lines)


def is_playable(records):
    return (
        len(records) > 0
        and all(record.link == LINK_ETHERNET and len(record.data) == record.wire_size for record in records)
        and records[-1].time_ns - records[0].time_ns < LONGEST_SECONDS * 10**9
        and all(a.time_ns <= b.time_ns for a, b in zip(records, records[1:]))
    )


def play(program, capture, records, link, workers, folder):
    config = f"capture: {{workers: {workers}, buffer: 4194304}}\n"
    name = re.sub(r"\W", "-", capture.name) + f"-{workers}"
    with wire.Sensor(program, [link.name], folder, "--quiet", config=config, name=name) as sensor:
        link.play(records)
        sensor.stop()
        return sensor.lines()


def differences(expected, found):
    texts = [f"  not found live: {line}" for line in expected if line not in found]
    return texts + [f"  live only:      {line}" for line in found if line not in expected]


def main():
    parser = argparse.ArgumentParser(description="live capture against replay")
    parser.add_argument("downgrd", help="the program")
    parser.add_argument("name", nargs="*", help="captures, without suffix (default: all)")
    parser.add_argument("--captures", type=Path, default=DEFAULT_CAPTURES, help="their folder")
    parser.add_argument("--workers", type=int, action="append", help="how many (default: 1, then 3)")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_intermixed_args()
    wire.enter()
    program = str(Path(options.downgrd).resolve())
    captures = sorted(options.captures.glob("*.pcap*"))
    jobs = []
    left_out = []
    for capture in captures:
        if options.name and capture.stem not in options.name:
            continue
        records = wire.read(capture)
        if is_playable(records):
            jobs += [(capture, records, workers) for workers in options.workers or [1, 3]]
        else:
            left_out.append(capture.name)
    jobs.sort(key=lambda job: job[1][0].time_ns - job[1][-1].time_ns)  # the longest first
    links = queue.Queue()
    for number in range(SIDE_BY_SIDE):
        links.put(wire.Wire(f"tap{number}"))

    def run(job):
        capture, records, workers = job
        link = links.get()
        try:
            live = findings(play(program, capture, records, link, workers, folder))
        finally:
            links.put(link)
        return differences(findings(wire.replayed(program, capture)), live)

    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            results = list(pool.map(run, jobs))
        for job, different in zip(jobs, results):
            tries = TRIES_ALONE
            while different and tries > 0:
                different = run(job)
                tries -= 1
            failed += bool(different)
            if different or options.verbose:
                print(f"{job[0].name}, {job[2]} workers: {'differs' if different else 'same'}")
            for text in different:
                print(text)
    print(f"{len(jobs) - failed} of {len(jobs)} the same; not played: {' '.join(left_out) or 'none'}")
    return 0 if failed == 0 and jobs else 1


if __name__ == "__main__":
    sys.exit(main())
