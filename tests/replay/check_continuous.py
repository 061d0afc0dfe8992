#!/usr/bin/env python3
"""check_continuous.py - a capture cut into parts gives what the whole gives, and knowledge outlives a run.

usage: check_continuous.py DOWNGRD

With the captures of pcaps/:
  - every capture is cut in three at several places, the parts named so that a shell sorts them
    wrongly, and replayed with --continuous: records and alerts, packet numbers included, are those
    of the whole file;
  - the same without --continuous is not (else this test proves nothing);
  - a dance whose first try lies in one run and whose second in the next is found with --state, and
    not without;
  - a history that is damaged is set aside with a message, and the run goes on;
  - what cannot go together is refused.
Status 0 when all holds, 1 when not. Python 3 standard library only.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE_DIR = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE_DIR / "tests" / "generate"))

import capture_file
import eve

CAPTURES = SOURCE_DIR / "pcaps"
DANCE = "dance-reset"
NAMES = ("cap10.pcap", "cap9.pcap", "cap.pcap")  # in the order of their time
REPLAY_SECONDS = 60


def run(downgrd, folder, *arguments):
    return subprocess.run(
        [downgrd, "--quiet", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=REPLAY_SECONDS,
    )


def lines_of(downgrd, folder, *arguments):
    """Handshakes and alerts, without the file's name and what is made of it."""
    text = run(downgrd, folder, "--eve", "-", *arguments).stdout.decode()
    lines = [json.loads(line) for line in text.splitlines()]
    kept = [line for line in lines if line["event_type"] in ("tls", "alert")]
    return eve.facts(kept, same_places=True)


def write_parts(folder, records, cuts):
    edges = [0, *cuts, len(records)]
    for name, start, end in zip(NAMES, edges, edges[1:]):
        (Path(folder) / name).write_bytes(capture_file.pcap(records[start:end], nano=True))


def cuts_of(count):
    """Some places to cut a capture of so many packets in three."""
    return sorted({(max(1, count // 3), max(2, 2 * count // 3)), (min(4, count - 2), count - 1)})


def check_capture(downgrd, path):
    """(differences of the joined parts, differences of the parts each on its own)."""
    records = capture_file.read(path.read_bytes())
    joined, apart = [], 0
    for cuts in cuts_of(len(records)) if len(records) > 5 else ():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "whole.pcap").write_bytes(capture_file.pcap(records, nano=True))
            write_parts(folder, records, cuts)
            whole = lines_of(downgrd, folder, "-r", "whole.pcap")
            parts = sorted(NAMES)
            found = lines_of(downgrd, folder, "--continuous", "-r", *parts)
            joined += eve.differences(f"{path.name} cut at {cuts}", whole, found)
            apart += lines_of(downgrd, folder, "-r", *parts) != whole
    return joined, apart


def check_parts(downgrd):
    apart = 0
    for path in sorted(CAPTURES.glob("*.pcap")):
        records = capture_file.read(path.read_bytes())
        if any(record.link != records[0].link for record in records):
            continue
        joined, differing = check_capture(downgrd, path)
        apart += differing
        yield from joined
    if apart == 0:
        yield "the parts each on its own give what the whole gives: nothing was cut"


def kinds(downgrd, folder, *arguments):
    text = run(downgrd, folder, "--eve", "-", *arguments).stdout.decode()
    lines = [json.loads(line) for line in text.splitlines()]
    return [line["downgrade"]["kind"] for line in lines if eve.is_attack(line)]


def check_state(downgrd):
    records = capture_file.read((CAPTURES / f"{DANCE}.pcap").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        last = max(i for i, record in enumerate(records) if is_syn(record))
        write_parts(folder, records, (last, len(records)))
        first, second = NAMES[:2]
        state = ("--continuous", "--state", "state")
        if "fallback-dance" in kinds(downgrd, folder, "--continuous", "-r", second):
            yield "the second half of a dance is found without the first"
        kinds(downgrd, folder, *state, "-r", first)
        if "fallback-dance" not in kinds(downgrd, folder, *state, "-r", second):
            yield "a dance over two runs is not found with --state"
        yield from check_damage(downgrd, folder, state, second)


def check_damage(downgrd, folder, state, capture):
    history = Path(folder) / "state" / "downgrd.history"
    history.write_bytes(history.read_bytes()[:-9])
    done = run(downgrd, folder, *state, "-r", capture)
    if done.returncode != 0 or b"renamed to .broken" not in done.stderr:
        yield f"a damaged history: status {done.returncode}, {done.stderr.decode()!r}"
    if not history.exists() or not history.with_name("downgrd.history.broken").exists():
        yield "a damaged history was not set aside, or no new one was begun"


def is_syn(record):
    """A first SYN over IPv4 on Ethernet."""
    frame = record.data
    return len(frame) > 47 and frame[23] == 6 and frame[14 + (frame[14] & 15) * 4 + 13] & 0x12 == 2


def check_refusals(downgrd):
    for arguments in (("--continuous", "--taps", "-r", "a", "b"), ("--continuous", "-r", "a", "-")):
        done = run(downgrd, ".", *arguments)
        if done.returncode != 2 or b"--continuous" not in done.stderr:
            yield f"{' '.join(arguments)}: status {done.returncode}, {done.stderr.decode()!r}"


def main():
    downgrd = Path(sys.argv[1]).resolve()
    differences = []
    for check in (check_parts, check_state, check_refusals):
        found = list(check(downgrd))
        print(f"{'FAILED' if found else 'holds '}  {check.__name__}")
        differences += found
    for text in differences[:30]:
        print(f"  {text[:300]}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
