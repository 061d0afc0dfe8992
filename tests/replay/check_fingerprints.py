#!/usr/bin/env python3
"""check_fingerprints.py - JA3, JA3S and community_id against tshark, JA4 against published values.

usage: check_fingerprints.py DOWNGRD [CAPTURE...]

Replays every capture of pcaps/ and of $DOWNGRD_SHARED/corpus (default: ../shared beside the source;
left out where there is none), or the captures named, and compares each line of type tls:
  - tls.ja3 and tls.ja3s with what tshark computes for a hello of the same ports;
  - community_id with tshark's of the same packet;
  - tls.ja4 with the values in known_ja4.tsv beside this script, which says where each comes from.
What differs and is listed, with the reason, in fingerprint_exceptions.tsv beside this script is
allowed. Status 0 when all agree, 1 when not, 77 (skipped) without tshark. Python 3 standard library
only.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(os.environ.get("DOWNGRD_SHARED", SOURCE_DIR.parent / "shared")) / "corpus"
KNOWN_JA4 = pathlib.Path(__file__).resolve().parent / "known_ja4.tsv"
EXCEPTIONS = pathlib.Path(__file__).resolve().parent / "fingerprint_exceptions.tsv"
SKIPPED = 77
PREFERENCES = ["-o", "tcp.reassemble_out_of_order:TRUE", "--enable-protocol", "communityid"]
FIELDS = ["frame.number", "communityid", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]
HASHES = [("tls.handshake.ja3", "tls.handshake.ja3_full"),
          ("tls.handshake.ja3s", "tls.handshake.ja3s_full"),
          ("dtls.handshake.ja3", "dtls.handshake.ja3_full"),
          ("dtls.handshake.ja3s", "dtls.handshake.ja3s_full")]


def rows_of(path):
    """The lines of a table: tab-separated, '#' begins a comment."""
    lines = path.read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def completed(text, fields):
    """(hash, text) as Salesforce defines them: a hello without extensions keeps the commas of all
    its fields, which tshark 4.0 leaves out."""
    text += "," * (fields - 1 - text.count(","))
    return hashlib.md5(text.encode()).hexdigest(), text


def captures_of(names):
    """[(folder to run in, file as named there)]"""
    if names:
        return [(pathlib.Path.cwd(), name) for name in names]
    found = [(SOURCE_DIR / "pcaps", path.name)
             for path in sorted((SOURCE_DIR / "pcaps").glob("*.pcap*"))]
    if (CORPUS / "MANIFEST.tsv").exists():
        found += [(CORPUS, line.rstrip("\n").split("\t")[2])
                  for line in (CORPUS / "MANIFEST.tsv").open()]
    return found


class Tshark:
    """What tshark says of one capture."""

    def __init__(self, folder, name):
        self.community_ids = {}  # of a packet
        self.ja3 = collections.defaultdict(set)  # {(transport, from, to): {(hash, text)}}
        self.ja3s = collections.defaultdict(set)  # of the answer's ports: from is the server's
        fields = FIELDS + [field for pair in HASHES for field in pair]
        words = ["tshark", "-n", "-r", name, *PREFERENCES, "-T", "fields", "-E", "separator=/t",
                 "-E", "aggregator=|"] + [word for field in fields for word in ("-e", field)]
        with tempfile.TemporaryDirectory() as home:  # no preferences of the user's
            done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                                  env={**os.environ, "HOME": home, "WIRESHARK_CONFIG_DIR": home})
        for line in done.stdout.decode(errors="replace").splitlines():
            self.add([value.split("|") if value else [] for value in line.split("\t")])

    def add(self, values):
        number, community_id, *rest = values
        if community_id:
            self.community_ids[int(number[0])] = community_id[-1]
        ports, hashes = rest[:4], rest[4:]
        key = next(((name, ports[at][-1], ports[at + 1][-1])
                    for name, at in (("TCP", 0), ("UDP", 2)) if ports[at] and ports[at + 1]), None)
        for at in range(0, len(hashes), 2):
            into, fields = (self.ja3, 5) if at % 4 == 0 else (self.ja3s, 3)
            for theirs, text in zip(hashes[at], hashes[at + 1]):
                into[key].add((theirs, text) if text.count(",") == fields - 1
                              else completed(text, fields))


class Comparison:
    def __init__(self, exceptions):
        self.exceptions = {tuple(row[:3]): row[3] for row in exceptions}
        self.used = set()
        self.agreed = collections.Counter()
        self.wrong = []

    def add(self, line, field, agrees, text):
        key = (line["pcap_filename"], str(line["src_port"]), field)
        if key in self.exceptions:
            self.used.add(key)
        elif agrees:
            self.agreed[field] += 1
        else:
            self.wrong.append(f"{key[0]}, client port {key[1]}: {text}")


def compare_hash(comparison, line, field, found):
    """`found` is what tshark says of hellos of these ports; nothing when it did not read any. What
    the sensor did not read has no fingerprint: that is replay.corpus's business."""
    ours = line["tls"].get(field)
    is_read = (line["downgrade"]["legacy_version"] is not None if field == "ja3"
               else line["tls"]["version"] != "UNDETERMINED")
    if not found or not is_read:
        return
    pair = (ours["hash"], ours.get("string")) if ours else None
    comparison.add(line, field, pair in found, f"{field} is {pair}, tshark says {sorted(found)}")


def compare_line(comparison, line, tshark, known):
    client, server = str(line["src_port"]), str(line["dest_port"])
    proto = line["proto"]
    compare_hash(comparison, line, "ja3", tshark.ja3[proto, client, server])
    compare_hash(comparison, line, "ja3s", tshark.ja3s[proto, server, client])
    theirs = tshark.community_ids.get(line["pcap_cnt"])
    if theirs:
        comparison.add(line, "community_id", line.get("community_id") == theirs,
                       f'community_id is {line.get("community_id")}, tshark says {theirs}')
    wanted = known.get((line["pcap_filename"], client))
    if wanted:
        ours = line["tls"].get("ja4")
        comparison.add(line, "ja4", ours == wanted, f"ja4 is {ours}, published is {wanted}")


def replay(downgrd, captures, scratch):
    """{capture: [lines of type tls]}"""
    lines = collections.defaultdict(list)
    for folder in {folder for folder, _ in captures}:
        eve = scratch / "eve.json"
        names = [name for at, name in captures if at == folder]
        done = subprocess.run([downgrd, "--quiet", "--eve", eve, "-r", *names], cwd=folder,
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode not in (0, 1, 2):
            sys.exit(f"the sensor ended with status {done.returncode}")
        for text in eve.open():
            line = json.loads(text)
            if line["event_type"] == "tls":
                lines[line["pcap_filename"]].append(line)
    return lines


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not shutil.which("tshark"):
        print("skipped: no tshark")
        sys.exit(SKIPPED)
    downgrd = pathlib.Path(sys.argv[1]).resolve()
    captures = captures_of(sys.argv[2:])
    known = {(row[0], row[1]): row[2] for row in rows_of(KNOWN_JA4)}
    comparison = Comparison(rows_of(EXCEPTIONS))
    with tempfile.TemporaryDirectory() as scratch:
        lines = replay(downgrd, captures, pathlib.Path(scratch))
    names = {name for _, name in captures}
    missing = sorted(key for key in known if key[0] in names and
                     not any(str(line["src_port"]) == key[1] for line in lines[key[0]]))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (_, name), tshark in zip(captures, pool.map(lambda it: Tshark(*it), captures)):
            for line in lines[name]:
                compare_line(comparison, line, tshark, known)
    for text in comparison.wrong:
        print(text)
    for name, port in missing:
        print(f"{name}: no handshake of client port {port}, whose JA4 is known")
    stale = sorted(key for key in comparison.exceptions if key[0] in names
                   and key not in comparison.used)
    for key in stale:
        print(f"listed as an exception, and not met: {' '.join(key)}")
    counts = ", ".join(f"{count} {field}" for field, count in sorted(comparison.agreed.items()))
    print(f"{len(captures)} captures: {counts} agree; {len(comparison.wrong)} differ, "
          f"{len(comparison.used)} listed exceptions, {len(missing)} missing")
    sys.exit(1 if comparison.wrong or missing or stale or not comparison.agreed else 0)


if __name__ == "__main__":
    main()
