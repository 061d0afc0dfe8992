#!/usr/bin/env python3
"""check_mutated.py - captures as bad taps would have recorded them: no crash, no false alarm.

usage: check_mutated.py DOWNGRD [--only WORD]

Takes the captures of pcaps/ and, where they are, of $DOWNGRD_SHARED/corpus (default: ../shared beside
the source), mutates each one (tests/generate/mutations.py: packets twice, lost, shuffled, cut), and
replays all that were mutated in one way in one run. It holds the sensor to four things:
  - it ends in order;
  - an alert of class attack only in captures of attacks, and only of the kinds of their expectation
    (pcaps/), or of the kinds that corpus_alerts.tsv lists: damage makes no attack, and none another;
  - no handshake in captures without TLS (the corpus's nontls/);
  - where a mutation takes nothing away: the records of the sound capture, and no others.
--only takes the mutations whose name contains the word. Status 0 when all holds, 1 when not. Python 3
standard library only.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE_DIR = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE_DIR / "tests" / "generate"))

import capture_file
import eve
from mutations import LOSSLESS, MUTATIONS

CORPUS = Path(os.environ.get("DOWNGRD_SHARED", SOURCE_DIR.parent / "shared")) / "corpus"
KNOWN_ALERTS = Path(__file__).resolve().parent / "corpus_alerts.tsv"
NO_TLS = "nontls/"
LINK_NOT_READ = " is not supported"  # a link type of captures without TLS


def sound_captures():
    """{name: (path, kinds of attack that may be found)}."""
    captures = {}
    for expectation in sorted((SOURCE_DIR / "pcaps").glob("*.expected.json")):
        wanted = json.loads(expectation.read_text())
        if "capture" not in wanted:
            continue  # two taps of one time: each is here by itself
        kinds = {alert["kind"] for alert in wanted["alerts"] if alert["class"] == "attack"}
        path = expectation.parent / wanted["capture"]
        captures[f"pcaps/{path.name}"] = (path, kinds)
    if not (CORPUS / "MANIFEST.tsv").exists():
        print(f"no shared captures at {CORPUS} (DOWNGRD_SHARED names their folder): pcaps/ alone")
        return captures
    known = [line.split("\t") for line in KNOWN_ALERTS.read_text().splitlines()]
    for folder in ("", NO_TLS):
        for line in (CORPUS / folder / "MANIFEST.tsv").read_text().splitlines():
            name = folder + line.split("\t")[2]
            captures[name] = (CORPUS / name, {words[1] for words in known if words[0] == name})
    return captures


def read_all(captures):
    """{name: records}; what is no capture, or an empty one, is left out."""
    every = {}
    for name, (path, _) in captures.items():
        try:
            records = capture_file.read(path.read_bytes())
        except ValueError:
            continue
        if records:
            every[name] = records
    return every


def as_file(records):
    """pcapng where there are several link types, else pcap."""
    if any(record.link != records[0].link for record in records):
        return capture_file.pcapng(records, resolution=9)
    return capture_file.pcap(records, nano=True)


def write_all(folder, every, mutate):
    """What mutation leaves something of. Its names, under which it is in the folder."""
    names = []
    for name, records in every.items():
        mutated = mutate(records)
        if mutated:
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_file(mutated))
            names.append(name)
    return names


class Sensor:
    """Replays captures; the sound ones once, to compare with."""

    def __init__(self, downgrd, captures, every):
        self.downgrd = downgrd
        self.captures = captures
        self.every = every
        self.sound = self.replay(lambda records: records)

    def replay(self, mutate):
        with tempfile.TemporaryDirectory() as folder:
            return eve.Replay(self.downgrd, folder, write_all(folder, self.every, mutate))


def complaints(run, sensor, is_lossless):
    for name, lines in run.lines.items():
        kinds = sensor.captures[name][1]
        for line in lines:
            flow, details = f"{name} {line['src_ip']}:{line['src_port']}", line["downgrade"]
            if name.startswith(NO_TLS):
                yield f"{flow}: a handshake where there is no TLS"
            if eve.is_attack(line) and details["kind"] not in kinds:
                yield f"{flow}: {details['kind']}, {json.dumps(details['evidence'])}"
    for name, lines in sensor.sound.lines.items() if is_lossless else ():
        wanted, found = (
            sorted(eve.facts(eve.of_kind(some, "tls")), key=json.dumps)
            for some in (lines, run.lines[name])
        )
        yield from eve.differences(name, wanted, found)
    errors = [text for text in run.errors.splitlines() if LINK_NOT_READ not in text]
    if run.status not in (0, 1, 2) or errors:
        yield f"the sensor ended with status {run.status}: {errors}"


def check(sensor, mutation):
    """True when the sensor stands this mutation of all captures."""
    run = sensor.replay(MUTATIONS[mutation])
    texts = list(complaints(run, sensor, mutation in LOSSLESS))
    records = [line["downgrade"] for some in run.lines.values() for line in eve.of_kind(some, "tls")]
    unclean = sum(record["outcome"] in ("half_seen", "inconclusive") for record in records)
    print(
        f"{'FAILED' if texts else 'holds '}  {mutation}: {len(records)} records, "
        f"{unclean} of them half seen or inconclusive"
    )
    for text in texts[:20]:
        print(f"          {text[:400]}")
    return not texts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("downgrd", type=Path)
    parser.add_argument("--only", default="", metavar="WORD")
    options = parser.parse_args()
    captures = sound_captures()
    sensor = Sensor(options.downgrd.resolve(), captures, read_all(captures))
    print(f"{len(sensor.every)} captures, {sum(map(len, sensor.sound.lines.values()))} lines of them sound")
    results = [check(sensor, name) for name in MUTATIONS if options.only in name]
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
