#!/usr/bin/env python3
"""check_captures.py - the sensor against the laboratory's captures and what is written beside them.

usage: check_captures.py DOWNGRD [--captures DIR] [--table] [NAME...]

For each NAME.expected.json (default: all of pcaps/) it replays the capture, or the captures with
the options that are listed, and compares
  - the exit status;
  - alerts of class attack, but those of `may`: exactly the kinds listed, as often as listed; listed alerts of the other
    classes must be there; of each only the keys that are written (kind, class, confidence as one
    value or a list of acceptable ones, client and server port);
  - handshakes, where there is a list of them: as many as listed, found by the client's port (two of one port: the one that fits); of
    each only the keys that are written;
  - the EVE output of a second replay under another time zone and locale: the same bytes.
One line per capture, with the differences below it. With --table a table follows: for each kind of
attack that was played, and each side that it was seen from, how many captures there are, in how many
the sensor found what can be found there, in how many it is silent because nothing can be known
there, and in how many it is wrong. Status 0 when all agree, 1 when not. Python 3
standard library only.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

DEFAULT_CAPTURES = Path(__file__).resolve().parents[2] / "pcaps"
ENVIRONMENTS = ({"TZ": "UTC", "LC_ALL": "C"}, {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8"})
REPLAY_SECONDS = 60
NOT_COMPARED = {"client_port"}  # names the handshake


def replay(downgrd, folder, expectation, environment):
    """(exit status, EVE bytes, what was said on stderr)."""
    names = expectation["captures"] if "captures" in expectation else [expectation["capture"]]
    done = subprocess.run(
        [downgrd, *expectation.get("options", []), "--eve", "-", "--quiet", "-r", *names],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=REPLAY_SECONDS,
    )
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def handshake_facts(line):
    """An EVE line of type tls in the words of the expectations."""
    tls, downgrade = line["tls"], line["downgrade"]
    alerts = [[alert["sender"], alert["code"]] for alert in downgrade["alerts"]]
    return {
        **downgrade,
        "sni": tls.get("sni"),
        "version": tls.get("version"),
        "resumed": tls.get("session_resumed", False),
        "alerts": alerts,
        "client_port": line["src_port"],
        "server_port": line["dest_port"],
    }


def alert_facts(line):
    downgrade = line["downgrade"]
    return {
        "kind": downgrade["kind"],
        "class": downgrade["class"],
        "confidence": downgrade["confidence"],
        "client": line["src_port"],
        "server": line["dest_port"],
    }


def agrees(wanted, found):
    return found in wanted if isinstance(wanted, list) else found == wanted


def compare_alerts(expected, found):
    """Each expected alert takes one that was found; an attack that is left over is one too many."""
    differences = []
    left = list(found)
    for wanted in expected:
        match = next(
            (a for a in left if all(agrees(value, a.get(key)) for key, value in wanted.items())),
            None,
        )
        if match:
            left.remove(match)
        else:
            differences.append(f"missing alert: {wanted}")
    differences += [f"unexpected alert: {alert}" for alert in left if alert["class"] == "attack"]
    return differences


def compare_handshakes(expected, found):
    differences = []
    if len(expected) != len(found):
        differences.append(f"{len(expected)} handshakes expected, {len(found)} found")
    left = list(found)
    for number, wanted in enumerate(expected, 1):
        port = wanted["client_port"]
        of_port = [facts for facts in left if facts["client_port"] == port]
        alike = [f for f in of_port if all(f.get(key) == wanted[key] for key in wanted)]
        match = next(iter(alike + of_port), None)
        if match is None:
            differences.append(f"handshake {number} (client port {port}) is missing")
            continue
        left.remove(match)
        for key, value in wanted.items():
            if key not in NOT_COMPARED and match.get(key) != value:
                differences.append(
                    f"handshake {number}: {key} expected {value!r}, found {match.get(key)!r}"
                )
    return differences


def check(downgrd, file):
    """The differences of one capture, as texts, and whether anything of class attack was found."""
    expectation = json.loads(file.read_text())
    status, output, errors = replay(downgrd, file.parent, expectation, ENVIRONMENTS[0])
    differences = []
    may = expectation.get("may", [])
    if status != expectation["exit_status"] and not (may and status == 1):
        differences.append(
            f"exit status {expectation['exit_status']} expected, {status} found: {errors.strip()}"
        )
    try:
        lines = [json.loads(line) for line in output.decode().splitlines()]
    except ValueError as error:
        return differences + [f"the output is no JSON: {error}"], False
    alerts = [alert_facts(line) for line in lines if line["event_type"] == "alert"]
    alerts = [alert for alert in alerts if alert["kind"] not in may]
    handshakes = [handshake_facts(line) for line in lines if line["event_type"] == "tls"]
    differences += compare_alerts(expectation["alerts"], alerts)
    if "handshakes" in expectation:
        differences += compare_handshakes(expectation["handshakes"], handshakes)
    if replay(downgrd, file.parent, expectation, ENVIRONMENTS[1])[1] != output:
        differences.append("another time zone and locale gives other bytes")
    return differences, status == 1


def table(results):
    """`results`: (expectation, has differences, found something) of each capture."""
    rows = {}
    for expectation, is_wrong, is_found in results:
        plays = expectation.get("plays", "")
        is_attack = plays and not plays.endswith("(twin)")
        row = (1, plays, expectation["side"]) if is_attack else (2, "nobody attacks", "")
        counts = rows.setdefault(row, {"captures": 0, "found": 0, "silent": 0, "wrong": 0})
        counts["captures"] += 1
        verdict = "found" if is_found else "silent"
        counts["wrong" if is_wrong else verdict] += 1
    lines = [f"{'played':<28} {'side':<8} captures  found  silent  wrong"]
    for (_, plays, side), counts in sorted(rows.items()):
        numbers = "{captures:>8} {found:>6} {silent:>7} {wrong:>6}".format(**counts)
        lines.append(f"{plays:<28} {side:<8} {numbers}")
    return lines


def main():
    parser = argparse.ArgumentParser(description="the sensor against the laboratory's captures")
    parser.add_argument("downgrd", help="the program")
    parser.add_argument("name", nargs="*", help="captures to check, without suffix (default: all)")
    parser.add_argument("--captures", type=Path, default=DEFAULT_CAPTURES, help="their folder")
    parser.add_argument("--table", action="store_true", help="sum up by kind of attack and side")
    options = parser.parse_intermixed_args()
    downgrd = str(Path(options.downgrd).resolve())
    if not os.access(downgrd, os.X_OK):
        parser.error(f"no program: {downgrd}")
    folder = options.captures.resolve()
    names = options.name or sorted(f.name.split(".")[0] for f in folder.glob("*.expected.json"))
    failed = 0
    results = []
    for name in names:
        try:
            differences, is_found = check(downgrd, folder / f"{name}.expected.json")
        except subprocess.TimeoutExpired:
            is_found = False
            differences = [f"the sensor did not end within {REPLAY_SECONDS} seconds"]
        failed += bool(differences)
        expectation = json.loads((folder / f"{name}.expected.json").read_text())
        results.append((expectation, bool(differences), is_found))
        print(f"{'FAIL' if differences else 'ok  '} {name}")
        for difference in differences:
            print(f"     {difference}")
    if options.table:
        print(*table(results), sep="\n")
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
