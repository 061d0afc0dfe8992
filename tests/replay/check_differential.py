#!/usr/bin/env python3
"""check_differential.py - the sensor and tshark on freshly made mixtures of connections.

usage: check_differential.py DOWNGRD [--seed N]... [--count N] [--keep DIR]

Takes connections out of the captures of pcaps/ and, where they are, of $DOWNGRD_SHARED/corpus (default:
../shared beside the source), gives each one addresses of its own, wraps half of them in tunnels, tags
or fragments, damages some mildly, and interleaves all of them in one capture (tests/generate/mixture.py).
tshark and the sensor read it, and must agree for every connection on: is there a handshake, who is the
client, server name, versions offered, version chosen, cipher suite, HelloRetryRequest, cleartext alerts.

Without --seed there are two mixtures: one of a fixed seed, and one of a seed that changes with the day.
Both are printed, so that a failure can be had again; its capture is kept and named. Where tshark is
known to be wrong, differential_exclusions.tsv beside this script says so and why; what it names is left
out of the mixtures.

Status 0 when both agree, 1 when not, 77 (skipped) without tshark. Python 3 standard library only.
"""

import argparse
import datetime
import fnmatch
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE_DIR = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE_DIR / "tests" / folder) for folder in ("generate", "lab")]

import eve
import mixture
import tshark_facts
from connections import UDP, connections

CORPUS = Path(os.environ.get("DOWNGRD_SHARED", SOURCE_DIR.parent / "shared")) / "corpus"
EXCLUSIONS = Path(__file__).resolve().parent / "differential_exclusions.tsv"
FIXED_SEED = 8446
CONNECTIONS = 600
DATAGRAM_END = 500  # bytes that tell datagrams apart
SKIPPED = 77


def exclusions():
    """[(pattern of a member's capture and sender, of its way, of its damage)]."""
    lines = EXCLUSIONS.read_text().splitlines()
    return [line.split("\t")[:3] for line in lines if line and not line.startswith("#")]


def matches(word, pattern):
    """The shell's patterns; ! before one: anything else."""
    if pattern.startswith("!"):
        return not fnmatch.fnmatchcase(word, pattern[1:])
    return fnmatch.fnmatchcase(word, pattern)


def is_excluded(rules, *words):
    return any(all(map(matches, words, rule)) for rule in rules)


def pool():
    """All connections that were captured whole. Of those over UDP that begin with the same datagram
    only the first: tshark knows QUIC connections by their ids, whatever their addresses."""
    paths = {f"pcaps/{path.name}": path for path in sorted((SOURCE_DIR / "pcaps").glob("*.pcap"))}
    manifest = CORPUS / "MANIFEST.tsv"
    if manifest.exists():
        names = [line.split("\t")[2] for line in manifest.read_text().splitlines()]
        paths.update({name: CORPUS / name for name in names})
    found = []
    for name, path in paths.items():
        try:
            found += connections(name, path.read_bytes())
        except ValueError:
            continue
    first = {}
    for connection in found:
        is_datagram = connection.protocol == UDP
        key = connection.packets[0][2][-DATAGRAM_END:] if is_datagram else id(connection)
        if connection.is_whole:
            first.setdefault(key, connection)
    return list(first.values())


# ---- one connection, in the same words ----------------------------------------------------------


def words_of_tshark(facts):
    names = tshark_facts.version_name
    versions = facts.supported_versions
    return {
        "client": facts.client,
        "server": facts.server,
        "sni": facts.sni,
        "legacy_version": names(facts.legacy_version) if facts.has_offer else None,
        "supported_versions": versions
        and [names(v) for v in versions if not tshark_facts.is_grease(v)],
        "version": names(facts.version) if facts.has_choice else "UNDETERMINED",
        "cipher": facts.ciphers,
        "hello_retry": facts.hello_retry,
        "alerts": sorted(
            ("client" if sender == facts.client else "server", level, code)
            for sender, level, code in facts.alerts
        ),
    }


def words_of_sensor(line):
    tls, details = line["tls"], line["downgrade"]
    sni = tls.get("sni")
    return {
        "client": (line["src_ip"], line["src_port"]),
        "server": (line["dest_ip"], line["dest_port"]),
        "sni": None if sni is None else sni.encode(),
        "legacy_version": details["legacy_version"],
        "supported_versions": details.get("supported_versions"),
        "version": tls["version"],
        "cipher": details["cipher"],
        "hello_retry": details["hello_retry"],
        "alerts": sorted((a["sender"], a["level"], a["code"]) for a in details["alerts"]),
    }


def compare(wanted, found):
    """Texts; both are words or None."""
    if wanted is None or found is None:
        here, there = ("sensor", "tshark") if wanted is None else ("tshark", "sensor")
        return [f"a handshake for {here}, none for {there}"]
    return [
        f"{key}: tshark {value!r}, sensor {found[key]!r}"
        for key, value in wanted.items()
        if (found[key] not in value if key == "cipher" else found[key] != value)
    ]


def by_addresses(items):
    """{both addresses: words, in their order}."""
    found = {}
    for words in items:
        found.setdefault(frozenset((words["client"][0], words["server"][0])), []).append(words)
    return found


def disagreements(members, path, downgrd):
    """[(member's name, texts)]; the sensor's status."""
    read = [facts for facts in tshark_facts.read(path).values() if facts.client is not None]
    run = eve.Replay(downgrd, path.parent, [path.name])
    lines = eve.of_kind(run.lines[path.name], "tls")
    wanted = by_addresses(map(words_of_tshark, read))
    found = by_addresses(map(words_of_sensor, lines))
    every = []
    for member in members:
        key = frozenset((member.sender, member.receiver))
        pairs = itertools.zip_longest(wanted.pop(key, []), found.pop(key, []))
        texts = [text for pair in pairs for text in compare(*pair)]
        if texts:
            every.append((f"{member.sender} {member.name}", texts))
    every += [("nobody", [f"{key}"]) for key in found]
    print(f"{len(read)} connections for tshark, {len(lines)} for the sensor")
    if run.status not in (0, 1):
        every.append(("the sensor", [f"status {run.status}: {run.errors}"]))
    return every


def check(seed, options, members, rules):
    generator = mixture.new_generator(seed)
    chosen = [
        member
        for member in mixture.choose(members, options.count, generator)
        if not is_excluded(rules, member.connection.name, member.way, member.damage)
    ]
    print(f"seed {seed}: {len(chosen)} connections mixed, ", end="", flush=True)
    options.keep.mkdir(parents=True, exist_ok=True)
    path = options.keep.resolve() / f"mixture-{seed}.pcap"
    path.write_bytes(mixture.capture(chosen, generator))
    every = disagreements(chosen, path, options.downgrd.resolve())
    for name, texts in every:
        print(f"FAILED  {name}")
        for text in texts:
            print(f"          {text[:300]}")
    if every:
        print(f"{len(every)} disagreements; the capture is {path}, made again with --seed {seed}")
    else:
        path.unlink()
    return not every


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("downgrd", type=Path)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--count", type=int, default=CONNECTIONS)
    parser.add_argument("--keep", type=Path, metavar="DIR", default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    if not shutil.which("tshark"):
        print("skipped: there is no tshark")
        sys.exit(SKIPPED)
    seeds = options.seed or [FIXED_SEED, datetime.date.today().toordinal()]
    members, rules = pool(), exclusions()
    results = [check(seed, options, members, rules) for seed in seeds]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
