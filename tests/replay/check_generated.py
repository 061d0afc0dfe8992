#!/usr/bin/env python3
"""check_generated.py - the same handshake in every encapsulation and under every damage.

usage: check_generated.py DOWNGRD [--keep DIR] [--tshark] [PATTERN...]

Takes a few connections of pcaps/, wraps each in every encapsulation (tests/generate/encapsulations.py),
does to it what networks and taps do (damages.py), puts every dialogue before it (dialogues.py), writes
it in every capture format, and replays all of that in one run. A case is what one file must give:
  - wrapped, harmlessly damaged, behind a dialogue, or in another format: the record, and the alerts,
    of the bare capture, but for packet numbers and times (in another format: with them), with the
    tunnels, VLANs and the dialogue named right;
  - harmfully damaged: no clean record and no alert of class attack;
  - nested too deep: no record.
PATTERN takes only the cases whose name contains it. --keep writes the captures to a folder and leaves
them there. --tshark asks tshark instead of the sensor whether each capture is what its name says: does
it show the handshake inside? The same input gives the same files on any machine.

Status 0 when all cases hold, 1 when not. Python 3 standard library only.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE_DIR = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE_DIR / "tests" / folder) for folder in ("generate", "lab")]

import capture_file
import damages
import datagrams
import dialogues
import encapsulations
import eve
import talk
from capture_file import Interface, Pcapng

BASES = (
    "honest-tls12",
    "hello-retry",
    "certificate-rejected-tls12",
    "no-shared-cipher",
    "sentinel-attack-client-side",
)
HONEST = BASES[:2]
DTLS_BASES = ("honest-dtls12-cookie", "server-limited-dtls10")
SHORT_BASES = ("quic-v1", "quic-v2-draft")  # neither Retry nor cookie
QUIC_BASES = ("quic-v1", "quic-v2-draft", "quic-retry", "quic-chromium")
BARE = "bare"
UNCLEAN = {"inconclusive", "half_seen"}


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    suffix: str
    bare: str | None = None  # the case whose record this one must give; None: see below
    count: int = 1  # so many times
    tunnels: tuple = ()
    vlans: tuple = ()
    carrier: str | None = None  # instead of the bare capture's
    same_places: bool = False  # packet numbers and times as well
    is_unclean: bool = False
    is_empty: bool = False

    @property
    def file_name(self):
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") + self.suffix


# ---- the cases ----------------------------------------------------------------------------------


def bare_name(base, version):
    return f"{base}, {BARE}" if version == 4 else f"{base}, {BARE}, ipv6"


def wrapped_cases(base, versions):
    for name, way in encapsulations.ENCAPSULATIONS.items():
        for version, steps in versions.items():
            if way.version in (None, version):
                tunnels, vlans = talk.named(steps, way.around)
                records = talk.records(steps, way.around, way.link)
                yield Case(
                    f"{base}, {name}, ipv{version}",
                    capture_file.pcap(records, ">" if "big-endian" in name else "<"),
                    ".pcap",
                    bare_name(base, version),
                    tunnels=tunnels,
                    vlans=vlans,
                )
    for name, way in encapsulations.TOO_DEEP.items():
        records = talk.records(versions[way.version or 4], way.around, way.link)
        yield Case(f"{base}, {name}", capture_file.pcap(records), ".pcap", is_empty=True)


def damaged_cases(base, steps):
    bare = bare_name(base, 4)
    for count, table in ((1, damages.HARMLESS), (2, damages.TWO_RECORDS)):
        for name, damage in table.items():
            data = capture_file.pcap(talk.records(damage(steps)))
            yield Case(f"{base}, {name}", data, ".pcap", bare, count)


def carried_cases(base, steps):
    """Behind every dialogue; some damage must not matter there either."""
    ways = {"sound": lambda those: those, **damages.HARMLESS_TO_DIALOGUES}
    for name, (carrier, messages) in dialogues.DIALOGUES.items():
        longer = dialogues.before(steps, messages)
        for way, damage in ways.items():
            data = capture_file.pcap(talk.records(damage(longer)))
            title = f"{base}, after {name}, {way}"
            yield Case(title, data, ".pcap", bare_name(base, 4), carrier=carrier)


def harmed_cases(base, steps):
    for name, damage in damages.HARMFUL.items():
        data = capture_file.pcap(talk.records(damage(steps)))
        yield Case(f"{base}, {name}", data, ".pcap", is_unclean=True)
    for snap_length in damages.SNAP_LENGTHS:
        records = [r.cut(snap_length) for r in talk.records(steps)]
        data = capture_file.pcap(records, snap_length=snap_length)
        yield Case(f"{base}, snap length {snap_length}", data, ".pcap", is_unclean=True)


def format_cases(base, steps):
    """The same frames in every kind of file."""
    records = talk.records(steps)
    files = {"pcapng, two interfaces": _on_two_interfaces(steps)}
    files["pcapng, two sections"] = _in_two_sections(records)
    for order, name in (("<", "little-endian"), (">", "big-endian")):
        files[f"pcap, {name}, microseconds"] = capture_file.pcap(records, order)
        files[f"pcap, {name}, nanoseconds"] = capture_file.pcap(records, order, nano=True)
        for resolution in (None, 6, 9, 7, 0x80 | 20, 0x80 | 30):
            key = f"pcapng, {name}, resolution {resolution}"
            files[key] = capture_file.pcapng(records, order, resolution)
        files[f"pcapng, {name}, time offset"] = capture_file.pcapng(records, order, 6, 1_000_000_000)
    plain, blocks = files["pcap, little-endian, microseconds"], files["pcapng, two interfaces"]
    compressed = {
        "pcap, gzip": capture_file.gzipped(plain),
        "pcap, gzip in two members": capture_file.gzipped(plain[:500])
        + capture_file.gzipped(plain[500:]),
        "pcap, zstd": capture_file.zstd_compressed(plain),
        "pcapng, gzip": capture_file.gzipped(blocks),
        "pcapng, zstd": capture_file.zstd_compressed(blocks),
    }
    files.update({name: data for name, data in compressed.items() if data is not None})
    for number, (name, data) in enumerate(files.items()):
        suffix = (".pcap", ".dat")[number % 2]  # what a file is called says nothing
        yield Case(f"{base}, {name}", data, suffix, bare_name(base, 4), same_places=True)


def datagram_cases(base):
    """The same of UDP."""
    steps = datagrams.load(SOURCE_DIR / "pcaps" / f"{base}.pcap")
    versions = {4: steps, 6: datagrams.as_ipv6(steps)}
    for version, those in versions.items():
        name = bare_name(base, version)
        yield Case(name, capture_file.pcap(talk.records(those)), ".pcap", name, same_places=True)
    yield from wrapped_cases(base, versions)
    is_quic = base in QUIC_BASES
    harmless = datagrams.HARMLESS_TO_QUIC if is_quic else datagrams.HARMLESS_TO_DTLS
    tables = ((None, {**datagrams.HARMLESS, **harmless}),)
    tables += () if is_quic else (("stun", datagrams.CARRIED_BY_STUN),)
    for carrier, table in tables:
        for name, damage in table.items():
            data = capture_file.pcap(talk.records(damage(steps)))
            title = f"{base}, {name}"
            yield Case(title, data, ".pcap", bare_name(base, 4), carrier=carrier)
    harmful = dict(datagrams.HARMFUL)
    if base in SHORT_BASES:
        harmful |= datagrams.HARMFUL_TO_THE_FIRST
    for name, damage in harmful.items():
        data = capture_file.pcap(talk.records(damage(steps)))
        yield Case(f"{base}, {name}", data, ".pcap", is_unclean=True)


def _on_two_interfaces(steps):
    """What each side sends on an interface of its own: other link type, other resolution."""
    file = Pcapng().section().interface(Interface(1, 9)).interface(Interface(101, 0x80 | 24))
    file.interface(Interface(113, None)).noise()
    ethernet, raw = talk.records(steps), talk.records(steps, link="raw")
    for step, one, other in zip(steps, ethernet, raw):
        file.packet(*((0, one) if step.from_client else (1, other)))
    return file.noise().custom().simple_packet(raw[0]).data()


def _in_two_sections(records):
    """Byte order, interfaces and their resolutions change in the middle of the connection."""
    half = len(records) // 3
    file = Pcapng().section("<").interface(Interface(1, 6))
    for record in records[:half]:
        file.packet(0, record)
    file.section(">").interface(Interface(113)).noise().interface(Interface(1, 9, 1_000_000_000))
    for record in records[half:]:
        file.packet(1, record)
    return file.data()


def cases():
    for base in BASES:
        steps = talk.load(SOURCE_DIR / "pcaps" / f"{base}.pcap")
        versions = {4: steps, 6: talk.as_ipv6(steps)}
        for version, those in versions.items():
            data = capture_file.pcap(talk.records(those))
            name = bare_name(base, version)
            yield Case(name, data, ".pcap", name, same_places=True)
        yield from wrapped_cases(base, versions)
        yield from damaged_cases(base, steps)
        yield from format_cases(base, steps)
        yield from carried_cases(base, steps)
        if base in HONEST:
            yield from harmed_cases(base, steps)
    for base in DTLS_BASES + QUIC_BASES:
        yield from datagram_cases(base)


# ---- what the sensor makes of them --------------------------------------------------------------


def wanted_tunnel(tunnels):
    """The object `tunnel` of an EVE line: the outermost tunnel that has addresses."""
    outer = [tunnel for tunnel in tunnels if tunnel.protocol]
    if not outer:
        return None
    first = outer[0]
    ports = {"src_port": first.source_port, "dest_port": first.destination_port}
    return {
        "src_ip": first.source,
        "dest_ip": first.destination,
        **(ports if first.source_port else {}),
        "proto": first.protocol,
        "depth": len(outer),
    }


def check_around(case, line):
    """What is named around the packets. At most two VLANs are."""
    types = [tunnel.type for tunnel in case.tunnels]
    yield from eve.differences("tunnels", types, line["downgrade"].get("tunnels", []))
    yield from eve.differences("tunnel", wanted_tunnel(case.tunnels), line.get("tunnel"))
    yield from eve.differences("vlan", list(case.vlans[:2]), line.get("vlan", []))
    yield from eve.differences("carrier", case.carrier or "direct", line["downgrade"]["carrier"])


def check(case, lines, lines_of_bare):
    """The differences of a case, as texts."""
    records = eve.of_kind(lines, "tls")
    if case.is_empty:
        return [f"{len(records)} records, where none can be read"] if records else []
    if case.is_unclean:
        outcomes = [line["downgrade"]["outcome"] for line in records]
        texts = [f"alert {line['downgrade']['kind']}" for line in lines if eve.is_attack(line)]
        return texts + [f"outcome {o}" for o in outcomes if o not in UNCLEAN]
    if not records:
        return ["no record"]
    texts = []
    for kind, count in (("tls", case.count), ("alert", 1)):  # repeats of an alert are folded
        wanted, found = (
            eve.facts(eve.of_kind(some, kind), case.same_places) for some in (lines_of_bare, lines)
        )
        if case.carrier:
            wanted, found = (eve.without_carrier(some) for some in (wanted, found))
        texts += eve.differences(kind, wanted * count, found)
    for line in records:
        texts += check_around(case, line)
    return texts


def check_all(downgrd, folder, chosen, every):
    run = eve.Replay(downgrd, folder, [case.file_name for case in chosen])
    failed = 0
    for case in chosen:
        bare = every[case.bare].file_name if case.bare else ""
        texts = check(case, run.lines[case.file_name], run.lines[bare])
        if texts:
            failed += 1
            print(f"FAILED  {case.name} ({case.file_name})")
            for text in texts[:4]:
                print(f"          {text[:300]}")
    print(f"{len(chosen)} captures, {failed} not as expected")
    if run.status not in (0, 1):
        print(f"the sensor ended with status {run.status}:\n{run.errors}")
    return failed == 0 and run.status in (0, 1)


def replays_stdin(downgrd, every):
    """Standard input gives what the file gives, compressed or not."""
    holds = True
    for name in ("pcap, little-endian, microseconds", "pcap, gzip", "pcap, zstd", "pcapng, zstd"):
        case = every.get(f"{BASES[0]}, {name}")
        if case is None:
            continue
        done = subprocess.run(
            [downgrd, "--quiet", "--eve", "-", "-r", "-"], input=case.data, capture_output=True
        )
        if done.stdout.count(b'"event_type":"tls"') != 1 or done.returncode:
            print(f"FAILED  {name} on standard input: {done.stderr.decode(errors='replace')}")
            holds = False
    return holds


# ---- what tshark makes of them ------------------------------------------------------------------

# Options that some captures need, by a word of their name.
TSHARK_OPTIONS = {
    "": ("-o", "tcp.reassemble_out_of_order:TRUE"),
    "dtls": ("-d", "udp.port==443,dtls"),
    "vxlan, old port": ("-d", "udp.port==8472,vxlan"),
    "pseudowire": ("-d", "mpls.label==2000,pwethcw"),
    "capwap, 802.11": ("-o", "capwap.swap_fc:FALSE"),
    "802.11 swapped": ("-o", "capwap.swap_fc:TRUE"),
}
TSHARK_TYPES = ("tls.handshake.type", "dtls.handshake.type")
HELLOS = {"1", "2"}
# What tshark 4.0 cannot read, and why.
TSHARK_BLIND = {
    "link: pppd": "it does not know this link type",
    "link: mpls": "it does not know this link type",
    "quic-v2-draft": "it does not know this version",
    "bogus payload": "it takes the bytes behind an acknowledgement for the stream's",
    "second SYN-ACK behind": "it goes on with the number of the SYN-ACK that came last",
}


def messages_of_tshark(folder, case):
    """The types of the handshake messages that it shows."""
    options = [o for word, words in TSHARK_OPTIONS.items() if word in case.name for o in words]
    done = subprocess.run(
        ["tshark", "-n", "-r", folder / case.file_name, *options]
        + ["-Y", " || ".join(TSHARK_TYPES), "-T", "fields"]
        + [word for name in TSHARK_TYPES for word in ("-e", name)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return {kind for row in done.stdout.split() for kind in row.split(",")} & HELLOS


def check_with_tshark(folder, chosen, every):
    """Does tshark see the hellos in each that it sees in the bare capture?"""
    failed = seen = 0
    wanted = {}
    for case in chosen:
        if not case.bare or any(word in case.name for word in TSHARK_BLIND):
            continue
        if case.bare not in wanted:
            wanted[case.bare] = messages_of_tshark(folder, every[case.bare])
        found = messages_of_tshark(folder, case)
        seen += 1
        if found != wanted[case.bare] or not found:
            failed += 1
            print(f"FAILED  {case.name} ({case.file_name}): tshark shows messages {sorted(found)}")
    print(f"{seen} captures, {failed} in which tshark does not see the hellos")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("downgrd", type=Path)
    parser.add_argument("pattern", nargs="*")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--tshark", action="store_true")
    options = parser.parse_intermixed_args()
    every = {case.name: case for case in cases()}
    chosen = [
        case
        for case in every.values()
        if BARE in case.name or all(pattern in case.name for pattern in options.pattern)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for case in chosen:
            (folder / case.file_name).write_bytes(case.data)
        if options.tshark:
            holds = check_with_tshark(folder, chosen, every)
        else:
            holds = check_all(options.downgrd.resolve(), folder, chosen, every)
            holds = replays_stdin(options.downgrd.resolve(), every) and holds
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
