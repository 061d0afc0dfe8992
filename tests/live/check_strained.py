#!/usr/bin/env python3
"""check_strained.py - what the filter in the kernel stops by itself is missed by nobody.

usage: check_strained.py STRAINER DOWNGRD [--all]

Puts the Ethernet captures of pcaps/ and, where they are, of $DOWNGRD_SHARED/corpus (default: ../shared
beside the source) through the filter, as they are and mutated in a few ways (tests/generate/mutations.py;
--all: in every way), and replays what passed: there must be the records and the alerts of the whole
capture, but for packet numbers. How it behaves with time, and with a sensor that names connections:
check_kernel_filter.py. Skipped (77) where there is no such filter. Python 3 standard library only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import wire

SOURCE_DIR = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE_DIR / "tests" / part) for part in ("replay", "generate")]
import eve  # noqa: E402
from check_mutated import read_all, sound_captures, write_all  # noqa: E402
from mutations import MUTATIONS  # noqa: E402

AS_THEY_ARE = "as they are"
USUAL = ("each packet twice", "5 % lost, seed 1", "shuffled within 10 ms, seed 4", "a third again within 3 ms")
LINK_ETHERNET = 1
LEAST_SHARE = 0.02  # of packets stopped: handshakes are most of these captures, and pcaps/ is little else
AT_ONCE = 100
SKIPPED = 77


def strain(strainer, whole, strained, names):
    """(packets, passed) of all together."""
    packets = passed = 0
    for at in range(0, len(names), AT_ONCE):
        words = []
        for name in names[at:at + AT_ONCE]:
            (strained / name).parent.mkdir(parents=True, exist_ok=True)
            words += [str(whole / name), str(strained / name)]
        done = subprocess.run([strainer, *words], capture_output=True, text=True, timeout=300)
        if done.returncode == SKIPPED:
            wire.skip(done.stderr.strip())
        if done.returncode != 0:
            raise RuntimeError(f"{strainer} ended with {done.returncode}: {done.stderr}")
        counts = [line.split(" ", 2) for line in done.stdout.splitlines()]
        packets += sum(int(count[0]) for count in counts)
        passed += sum(int(count[1]) for count in counts)
    return packets, passed


def check(strainer, downgrd, every, what, mutate):
    """What is not as it must be, as texts."""
    with tempfile.TemporaryDirectory(prefix="downgrd-strained.") as folder:
        whole, strained = Path(folder) / "whole", Path(folder) / "strained"
        names = write_all(whole, every, mutate)
        packets, passed = strain(strainer, whole, strained, names)
        wanted, found = eve.Replay(downgrd, whole, names), eve.Replay(downgrd, strained, names)
    texts, lines = [], 0
    for name in names:
        facts = [sorted(eve.facts(run.lines[name]), key=json.dumps) for run in (wanted, found)]
        lines += len(facts[0])
        texts += eve.differences(name, *facts)
    if packets - passed < LEAST_SHARE * packets or lines == 0:
        texts.append("too little was stopped, or found, to tell")
    print(f"{'FAILED' if texts else 'holds '}  {what}: {len(names)} captures, {lines} lines, {packets} packets, "
          f"{packets - passed} of them stopped", flush=True)
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strainer")
    parser.add_argument("downgrd")
    parser.add_argument("--all", action="store_true", help="every mutation")
    arguments = parser.parse_args()
    sound = read_all(sound_captures())
    every = {name: records for name, records in sound.items() if all(record.link == LINK_ETHERNET for record in records)}
    ways = {AS_THEY_ARE: lambda records: records}
    ways.update({name: MUTATIONS[name] for name in (MUTATIONS if arguments.all else USUAL)})
    texts = []
    for what, mutate in ways.items():
        texts += check(arguments.strainer, str(Path(arguments.downgrd).resolve()), every, what, mutate)
    for text in texts[:20]:
        print(f"  {text[:400]}")
    return 1 if texts else 0


if __name__ == "__main__":
    sys.exit(main())
