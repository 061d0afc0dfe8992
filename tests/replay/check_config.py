#!/usr/bin/env python3
"""check_config.py - configurations as their users meet them: what they change in a replay.

usage: check_config.py DOWNGRD

Replays captures of pcaps/ under small configurations and compares exit status, alerts, what was
excepted (in EVE lines and in the table's last lines), and what --check-config says. One line per
case, with the differences below it. Status 0 when all agree, 1 when not. Python 3 standard library
only.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
SAMPLE = SOURCE / "sensor/config/downgrd.yaml"
ATTACK = "sentinel-attack-client-side.pcap"  # bank.example.test, 192.0.2.10 to 198.51.100.20
OLD_CLIENT = "client-limited-tls10.pcap"  # legacy.example.test; the client offers no more
OLD_SERVER = "server-limited-tls10.pcap"  # the same name; the client offers TLS 1.3
IPV6 = "ipv6.pcap"  # shop.example.test, one handshake of TLS 1.2
REPLAY_SECONDS = 120


class Sensor:
    def __init__(self, program, folder):
        self.program = program
        self.folder = Path(folder)

    def run(self, config, *words, captures=(ATTACK,)):
        """(exit status, stdout, stderr) with a configuration (a text, a path or None)."""
        command = [self.program]
        if isinstance(config, str):
            path = self.folder / "config.yaml"
            path.write_text(config)
            config = path
        if config is not None:
            command += ["--config", str(config)]
        command += words
        if captures:
            command += ["-r", *captures]
        done = subprocess.run(
            command,
            cwd=SOURCE / "pcaps",
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=REPLAY_SECONDS,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def eve(self, config, *words, captures=(ATTACK,)):
        """(exit status, EVE lines)"""
        status, output, _ = self.run(config, "-q", "--eve", "-", *words, captures=captures)
        return status, [json.loads(line) for line in output.splitlines()]


def summary(status, lines):
    """What a case compares: status, kinds of alerts, kinds excepted, and their count."""
    return {
        "status": status,
        "alerts": [line["downgrade"]["kind"] for line in lines if line["event_type"] == "alert"],
        "excepted": [
            kind
            for line in lines
            if line["event_type"] == "tls"
            for kind in line["downgrade"].get("excepted", [])
        ],
        "counted": sum(
            line["downgrade"]["alerts_excepted"] for line in lines if line["event_type"] == "stats"
        ),
    }


def wanted(status, alerts=(), excepted=()):
    return {
        "status": status,
        "alerts": list(alerts),
        "excepted": list(excepted),
        "counted": len(excepted),
    }


RAISED = wanted(1, ["downgrade-sentinel"])
EXCEPTED = wanted(0, [], ["downgrade-sentinel"])
LEGACY_ON = "rules: {legacy-version: {enabled: true}}\n"
POOL = "expectations: [{domain: '*.example.test', min: tls1.0, max: tls1.3, pool: legacy}]\n"


def exception(fields, rules="all"):
    return f"exceptions: [{{rules: {rules}, {fields}}}]\n"


# (what, configuration, further options, capture, what must come of it)
CASES = [
    ("no configuration", None, [], ATTACK, RAISED),
    ("an empty one", "", [], ATTACK, RAISED),
    ("the sample", SAMPLE, [], ATTACK, RAISED),
    ("excepted by name", exception("domain: bank.example.test"), [], ATTACK, EXCEPTED),
    ("by a name in capitals", exception("domain: Bank.Example.TEST"), [], ATTACK, EXCEPTED),
    ("by *.domain", exception("domain: '*.example.test'"), [], ATTACK, EXCEPTED),
    ("a domain is not what is below it", exception("domain: example.test"), [], ATTACK, RAISED),
    ("labels are whole", exception("domain: ['*.ample.test', k.example.test]"), [], ATTACK, RAISED),
    ("by client net", exception("client: 192.0.2.0/24"), [], ATTACK, EXCEPTED),
    ("another client net", exception("client: [192.0.3.0/24, 198.51.100.0/24]"), [], ATTACK, RAISED),
    ("by server address", exception("server: 198.51.100.20"), [], ATTACK, EXCEPTED),
    ("not all that is given", exception("server: 198.51.100.20, client: 192.0.2.11"), [], ATTACK,
     RAISED),
    ("by rule", exception("client: 0.0.0.0/0", "[hello-mismatch, downgrade-sentinel]"), [], ATTACK,
     EXCEPTED),
    ("of another rule", exception("client: 0.0.0.0/0", "[hello-mismatch]"), [], ATTACK, RAISED),
    ("behind an interception box", "interception: [{client: 192.0.2.0/28}]\n", [], ATTACK, EXCEPTED),
    ("beside an interception box", "interception: [{client: 192.0.2.128/28}]\n", [], ATTACK, RAISED),
    ("a dance behind an interception box", "interception: [{client: 0.0.0.0/0}]\n", [],
     "dance-reset.pcap", wanted(1, ["fallback-dance"])),
    ("switched off", "rules: {downgrade-sentinel: {enabled: false}}\n", [], ATTACK, wanted(0)),
    ("switched off, the option is for it", "rules: {downgrade-sentinel: {enabled: false}}\n",
     ["--enable", "downgrade-sentinel"], ATTACK, RAISED),
    ("switched on, the option is against it", LEGACY_ON, ["--disable", "legacy-version"],
     OLD_CLIENT, wanted(0)),
    ("policy for an old client", LEGACY_ON, [], OLD_CLIENT, wanted(0, ["legacy-version"])),
    ("the old client in its pool", LEGACY_ON + POOL, [], OLD_CLIENT, wanted(0)),
    ("a modern client pushed down there", LEGACY_ON + POOL, [], OLD_SERVER,
     wanted(0, ["legacy-version"])),
    ("a pool that does no more", LEGACY_ON + POOL.replace("tls1.3", "tls1.0"), [], OLD_SERVER,
     wanted(0)),
    ("an attack in the pool", LEGACY_ON + POOL, [], ATTACK, RAISED),
    ("a window too short for the dance", "rules: {fallback-dance: {window: 100ms}}\n", [],
     "dance-reset.pcap", wanted(0)),
    ("a window as long as the dance", "rules: {fallback-dance: {window: 130ms}}\n", [],
     "dance-reset.pcap", wanted(1, ["fallback-dance"])),
    ("policy over IPv6", "rules: {legacy-version: {enabled: true, below: tls1.3}}\n", [], IPV6,
     wanted(0, ["legacy-version"])),
]


def check_cases(sensor):
    for what, config, words, capture, expected in CASES:
        found = summary(*sensor.eve(config, *words, captures=[capture]))
        yield what, [
            f"{key}: {expected[key]} expected, {found[key]} found"
            for key in expected
            if expected[key] != found[key]
        ]


def check_ipv6(sensor):
    """The same policy alert under exceptions of IPv6 networks."""
    policy = "rules: {legacy-version: {enabled: true, below: tls1.3}}\n"
    _, lines = sensor.eve(policy, captures=[IPV6])
    server = next(line["dest_ip"] for line in lines if line["event_type"] == "alert")
    net = server.rsplit(":", 1)[0]
    for what, fields, is_excepted in (
        ("by IPv6 address", f"server: '{server}'", True),
        ("by IPv6 net", f"server: '{net}:0/112'", True),
        ("by another IPv6 net", "server: '2001:db8:ffff::/48'", False),
        ("IPv4 nets are for IPv4", "server: 0.0.0.0/0", False),
    ):
        found = summary(*sensor.eve(policy + exception(fields), captures=[IPV6]))
        expected = wanted(0, [], ["legacy-version"]) if is_excepted else wanted(0, ["legacy-version"])
        yield what, [] if found == expected else [f"{expected} expected, {found} found"]


def check_ja4(sensor):
    _, lines = sensor.eve(None)
    ja4 = next(line["tls"]["ja4"] for line in lines if line["event_type"] == "tls")
    found = summary(*sensor.eve(exception(f"ja4: [{ja4}]")))
    yield "by fingerprint", [] if found == EXCEPTED else [f"{found} found"]
    other = ja4[:-1] + ("0" if ja4[-1] != "0" else "1")
    found = summary(*sensor.eve(exception(f"ja4: [{other}]")))
    yield "by another fingerprint", [] if found == RAISED else [f"{found} found"]


def check_words(sensor):
    """What people read, and what else a configuration changes."""
    _, output, _ = sensor.run(exception("domain: '*.example.test'"))
    said = "1 not raised: the configuration excepts them."
    yield "the table says what was excepted", [] if said in output else [output]
    _, output, _ = sensor.run(None)
    yield "and nothing where nothing was", ["said all the same"] if "not raised" in output else []

    _, lines = sensor.eve("rules: {downgrade-sentinel: {severity: low}}\n")
    severity = next(line["alert"]["severity"] for line in lines if line["event_type"] == "alert")
    yield "severity", [] if severity == 3 else [f"{severity} found"]

    eve = sensor.folder / "eve.json"
    sensor.run(f"eve: {{path: '{eve}'}}\n", "-q")
    yield "EVE lines where the file says", [] if eve.exists() and eve.stat().st_size else ["none"]
    eve.unlink(missing_ok=True)
    sensor.run(f"eve: {{path: '{eve}'}}\n", "-q", "--eve", "")
    yield "and none by --eve ''", ["written"] if eve.exists() else []
    status, _, errors = sensor.run("redis: {url: 'unix:///nowhere/redis.sock'}\n", "-q")
    yield "Redis where the file says", [] if status == 2 and "/nowhere" in errors else [errors]
    status, _, errors = sensor.run(
        "redis: {url: 'unix:///nowhere/redis.sock'}\n", "-q", "--redis", ""
    )
    yield "and none by --redis ''", [] if status == 1 and not errors else [f"{status}", errors]

    status, lines = sensor.eve("capture: {filter: udp}\n")
    yield "a filter", [] if status == 0 and len(lines) == 1 else [f"{status}, {len(lines)} lines"]
    status, _ = sensor.eve("capture: {filter: udp}\n", "--filter", "tcp")
    yield "and --filter over it", [] if status == 1 else [f"{status}"]


def check_sample_changes_nothing(sensor):
    captures = sorted(path.name for path in (SOURCE / "pcaps").glob("*.pcap*"))
    plain = sensor.run(None, "--eve", "-", captures=captures)
    sample = sensor.run(SAMPLE, "--eve", "-", captures=captures)
    yield "all captures under the sample: the same bytes", [] if plain == sample else ["other bytes"]


def memory_of(sensor, config):
    status, output, errors = sensor.run(config, "--check-config", captures=())
    lines = output.splitlines()
    if status != 0 or len(lines) != 2 or not lines[0].endswith(": ok"):
        return None, f"status {status}\n{output}{errors}"
    return int(lines[1].removeprefix("memory: ").removesuffix(" MiB")), ""


def check_check_config(sensor):
    large, problem = memory_of(sensor, SAMPLE)
    yield "--check-config of the sample", [problem] if problem else []
    small, problem = memory_of(
        sensor,
        "flows: {connections: 1024, handshakes: 64}\n"
        "buffers: {small: 64, medium: 16, large: 4, windows: 64}\nfragments: {datagrams: 16}\n"
        "history: {clients: 1024, servers: 1024, repeats: 1024}\nusage: {buckets: 1024}\n",
    )
    yield "and of the smallest", [problem] if problem else []
    if small is not None and large is not None and not under_sanitizers(sensor):
        yield "small tables take less", [] if small * 5 < large else [f"{small} and {large} MiB"]

    bad = "rules:\n  hello-mismatch:\n    severty: high\nflows: {connections: 1}\n"
    errors = (
        f"{sensor.folder}/config.yaml:3:5: unknown key 'severty' in rules.hello-mismatch; "
        "did you mean 'severity'?\n"
        f"{sensor.folder}/config.yaml:4:22: flows.connections: 1 is out of range; it goes from "
        "1024 to 16777216\n"
    )
    for what, words, captures in (
        ("errors, checked", ["--check-config"], ()),
        ("errors, run", [], (ATTACK,)),
    ):
        found = sensor.run(bad, *words, captures=captures)
        yield what, [] if found == (2, "", errors) else [f"{found}"]

    status, _, said = sensor.run("capture:\n  filter: tcp prot 443\n", "--check-config", captures=())
    place = f"{sensor.folder}/config.yaml:2:11: capture.filter: "
    yield "a filter that is none", [] if status == 2 and said.startswith(place) else [said]
    status, _, said = sensor.run(None, "--check-config", captures=())
    yield "nothing to check", [] if status == 2 and "--config FILE" in said else [said]
    status, _, said = sensor.run(Path("/nowhere/x.yaml"))
    yield "no such file", [] if status == 2 and "/nowhere/x.yaml" in said else [said]


def under_sanitizers(sensor):
    """Their heap is not the one that is measured."""
    return b"__asan_init" in Path(sensor.program).read_bytes()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = str(Path(sys.argv[1]).resolve())
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        sensor = Sensor(program, folder)
        for check in (
            check_cases,
            check_ipv6,
            check_ja4,
            check_words,
            check_sample_changes_nothing,
            check_check_config,
        ):
            for what, differences in check(sensor):
                print(f"{'FAILED' if differences else 'ok'}  {what}")
                for difference in differences:
                    print(f"    {difference}")
                failed += bool(differences)
    print(f"{failed} cases failed" if failed else "all hold")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
