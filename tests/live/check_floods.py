#!/usr/bin/env python3
"""check_floods.py - floods: memory stays within what the first line says, what had to go is counted,
and real handshakes beside the flood are judged.

usage: check_floods.py DOWNGRD [FLOOD...]

Each flood is put on a veth pair as fast as it goes, and between its frames, spread evenly, go real
handshakes (pcaps/honest-tls13.pcap and others, each from a client of its own). Demanded: the share of
them that is judged complete, resident memory, and that the sensor ends well. Skipped (77) without
root. Python 3 standard library only.
"""

import ipaddress
import os
import random
import struct
import sys
import tempfile
from pathlib import Path

import wire

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
REAL = ("honest-tls13", "honest-tls12")
FLOOD_FRAMES = 60_000
HANDSHAKES = 120
BESIDE = 8  # handshakes in progress at any time
CONFIG = "capture: {stats_interval: 1s, buffer: 268435456}\n"
FLOODS = {}


def flood(least_share, counted=None):
    """A generator of frames; the share of real handshakes that must be judged, and the counter that
    the flood must have moved."""

    def register(function):
        FLOODS[function.__name__] = (function, least_share, counted)
        return function

    return register


def checksum(data):
    data += b"\x00" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def ipv4(source, protocol, payload, identification=0, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, fragment, 64,
                       protocol, 0, source.to_bytes(4, "big"), b"\xc6\x33\x64\x50")
    head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    return bytes(12) + b"\x08\x00" + head + payload


def tcp(source, port, sequence, flags, payload=b""):
    segment = struct.pack("!HHIIBBHHH", port, 443, sequence, 1, 0x50, flags, 65535, 0, 0)
    return ipv4(source, 6, segment + payload)


def client_hello(name, size=None):
    """A ClientHello record for a name; with `size` one that claims to be so long."""
    host = name.encode()
    sni = struct.pack("!HHHBH", 0, len(host) + 5, len(host) + 3, 0, len(host)) + host
    versions = b"\x00\x2b\x00\x03\x02\x03\x04"
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + b"\x00\x04\x13\x01\xc0\x2f" + b"\x01\x00"
    body += struct.pack("!H", len(sni) + len(versions)) + sni + versions
    length = size or len(body)
    message = b"\x01" + length.to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", min(length + 4, 16384)) + message


def anyone(randomness):
    return randomness.randrange(0x0B000000, 0x7E000000), randomness.randrange(1024, 65535)


@flood(0.95)
def syn(randomness):
    while True:
        source, port = anyone(randomness)
        yield tcp(source, port, randomness.randrange(2**32), 0x02)


@flood(0.95, "flows_evicted")
def random_names(randomness):
    """Whole ClientHellos, each from somebody else for another name, and never an answer."""
    while True:
        source, port = anyone(randomness)
        yield tcp(source, port, 1000, 0x18, client_hello(f"{randomness.randrange(10**9)}.flood.example"))


@flood(0.95, "flows_evicted")
def never_finishing(randomness):
    """The beginnings of long ClientHellos: each holds a buffer until it is evicted."""
    while True:
        source, port = anyone(randomness)
        yield tcp(source, port, 1000, 0x18, client_hello("never.example", size=randomness.choice((1500, 16000, 60000))))


@flood(0.95, "fragments_dropped")
def fragments(randomness):
    """First fragments, of which the rest never comes."""
    while True:
        source, port = anyone(randomness)
        segment = struct.pack("!HHIIBBHHH", port, 443, 1, 1, 0x50, 0x18, 65535, 0, 0) + os.urandom(1000)
        segment = segment[: len(segment) // 8 * 8]
        yield ipv4(source, 6, segment, randomness.randrange(65536), 0x2000)


@flood(0.95)
def contradictory_overlaps(randomness):
    """Many versions of the same bytes, within a few thousand connections."""
    while True:
        source, port = 0x0B000000 + randomness.randrange(4000), 40000
        payload = client_hello(f"{randomness.randrange(10**6)}.overlap.example")
        yield tcp(source, port, 1000 + randomness.randrange(20), 0x18, payload[randomness.randrange(20):])


@flood(0.95)
def out_of_order(randomness):
    """Segments ahead of a hole that is never filled."""
    while True:
        source, port = 0x0B000000 + randomness.randrange(3000), 40000
        yield tcp(source, port, 1000 + randomness.randrange(1, 60) * 1400, 0x18, os.urandom(1400))


def readdressed(frame, client):
    """The frame with the laboratory's client replaced; checksums are nobody's business here."""
    return frame.replace(ipaddress.ip_address("192.0.2.10").packed, client)


def real_handshakes():
    """Frames of handshakes, BESIDE of them side by side."""
    captures = [[record.data for record in wire.read(PCAPS / f"{name}.pcap")] for name in REAL]
    waiting = [
        [readdressed(frame, bytes((10, 77, number // 250, number % 250 + 1))) for frame in captures[number % len(captures)]]
        for number in range(HANDSHAKES)
    ]
    running = []
    while waiting or running:
        while waiting and len(running) < BESIDE:
            running.append(waiting.pop())
        for frames in running:
            yield frames.pop(0)
        running = [frames for frames in running if frames]


def play(link, function):
    """The real frames, and between them those of the flood."""
    randomness = random.Random(7)
    noise = function(randomness)
    real = list(real_handshakes())
    between = FLOOD_FRAMES // len(real)
    for frame in real:
        for _ in range(between):
            link.send(next(noise))
        link.send(frame)


def check(program, link, folder, name):
    function, least_share, counted = FLOODS[name]
    with wire.Sensor(program, [link.name], folder, "--quiet", config=CONFIG, name=name) as sensor:
        budget_mib = int(sensor.text().partition("memory: ")[2].split()[0])
        play(link, function)
        peak_mib = sensor.memory_kib("VmHWM") // 1024
        took = sensor.stop()
        stats = sensor.lines("stats")[-1]
        figures = stats["downgrade"]
        judged = sum(
            line["src_ip"].startswith("10.77.") and line["downgrade"]["outcome"] == "completed"
            for line in sensor.lines("tls")
        )
    share = judged / HANDSHAKES
    problems = []
    if share < least_share:
        problems.append(f"only {share:.1%} of the real handshakes were judged")
    if peak_mib > budget_mib:
        problems.append(f"{peak_mib} MiB were used, {budget_mib} MiB were said")
    if counted and figures[counted] == 0:
        problems.append(f"{counted} is 0")
    if took > 5:
        problems.append(f"it took {took:.1f} s to end")
    print(
        f"{name}: {share:.1%} of {HANDSHAKES} real handshakes judged beside {stats['stats']['decoder']['pkts']} packets, "
        f"{peak_mib} of {budget_mib} MiB, dropped by the kernel {figures['packets_dropped']}, evicted "
        f"{figures['flows_evicted']}, buffers {figures['buffers_exhausted']}, fragments {figures['fragments_dropped']}, "
        f"records {figures['records_lost']}, lines {figures['lines_lost']}, ended in {took:.1f} s"
        + "".join(f"\n  FAILED: {problem}" for problem in problems),
        flush=True,
    )
    return not problems


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    wire.enter()
    program = str(Path(sys.argv[1]).resolve())
    failed = 0
    for name in sys.argv[2:] or FLOODS:
        link = wire.Wire("tap")
        with tempfile.TemporaryDirectory() as folder:
            failed += not check(program, link, folder, name)
        link.remove()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
