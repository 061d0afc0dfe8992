"""eve.py - the sensor run over captures, and its lines compared but for where and when.

Used by the checks that hold one replay against another.
"""

import json
import re
import subprocess
from collections import defaultdict

# What differs between two captures of one handshake: where and when.
IDS = {"id", "incident"}  # made of the file's name, too
PLACES = IDS | {"timestamp", "time", "flow_id", "pcap_cnt", "pcap_filename", "packet"}
AROUND = {"vlan", "tunnel", "tunnels"}
FILE = IDS | {"pcap_filename"}
DIALOGUE = "dialogue"
CARRIER = {"carrier", DIALOGUE}
PACKET_NUMBER = re.compile(r"\bpackets? \d+(-\d+)?")
REPLAY_SECONDS = 250


class Replay:
    """The sensor's exit status, what it said, and its lines of handshakes and alerts by file."""

    def __init__(self, downgrd, folder, names):
        done = subprocess.run(
            [downgrd, "--quiet", "--eve", "-", "-r", *names],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=REPLAY_SECONDS,
        )
        self.status = done.returncode
        self.errors = done.stderr.decode(errors="replace")
        self.lines = defaultdict(list)
        for text in done.stdout.decode().splitlines():
            line = json.loads(text)
            if line["event_type"] in ("tls", "alert"):
                self.lines[line["pcap_filename"]].append(line)


def of_kind(lines, event_type):
    return [line for line in lines if line["event_type"] == event_type]


def is_attack(line):
    return line["event_type"] == "alert" and line["downgrade"]["class"] == "attack"


def facts(lines, same_places=False):
    """What must be equal in two captures of one handshake; with same_places also where and when."""
    keys = AROUND | (FILE if same_places else PLACES)
    return [_without(line, keys, same_places) for line in lines]


def without_carrier(facts_of_lines):
    """What was said before TLS is left out."""
    return [
        {**line, "downgrade": {k: v for k, v in line["downgrade"].items() if k not in CARRIER}}
        for line in facts_of_lines
    ]


def _without(value, keys, with_numbers):
    """The value without these keys at any depth, and without packet numbers in its texts. What a
    dialogue showed is told by packet numbers, too: that it was shown stays."""
    if isinstance(value, dict):
        kept = {k: _without(v, keys, with_numbers) for k, v in value.items() if k not in keys}
        if DIALOGUE in kept and not with_numbers:
            kept[DIALOGUE] = {k: v if isinstance(v, str) else True for k, v in kept[DIALOGUE].items()}
        return kept
    if isinstance(value, list):
        return [_without(one, keys, with_numbers) for one in value]
    if isinstance(value, str) and not with_numbers:
        return PACKET_NUMBER.sub("packet N", value)
    return value


def differences(path, wanted, found):
    """Where two values differ, as texts."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys()):
            yield from differences(f"{path}.{key}", wanted.get(key), found.get(key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, pair in enumerate(zip(wanted, found)):
            yield from differences(f"{path}[{index}]", *pair)
    elif wanted != found:
        yield f"{path}: expected {json.dumps(wanted)}, found {json.dumps(found)}"
