#!/usr/bin/env python3
"""check_kernel_filter - the filter in the kernel stops bulk, and nothing that a rule needs.

usage: check_kernel_filter.py DOWNGRD

Two sensors listen on one wire at one time, one with --kernel-filter and one without, so both see
the same packets with the same times. Every Ethernet capture of pcaps/ is put on the wire, twice:
the connections of the second time have the addresses and ports of stopped ones of the first. Into
each connection, before it closes, goes bulk: application data in both directions and bare
acknowledgements, some at once and the rest when the sensors have had time to stop it. Both must
find the same handshakes and alerts, and account for the same number of packets.

Needs root, for a network namespace and BPF; skipped (77) by name without. Python 3 standard library
only.
"""

import os
import pathlib
import random
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field

import wire
from check_same_as_replay import differences, findings, is_playable

PCAPS = pathlib.Path(__file__).resolve().parents[2] / "pcaps"
BULK_AT_ONCE, BULK_LATER = 20, 40
PAUSE_S = 0.5  # until the sensors have named what is to be stopped
LEAST_SHARE = 0.02  # of packets stopped; 0.4 where nothing else runs, less where the sensors have to wait
ROUNDS = 2
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, UDP = 6, 17


@dataclass
class Segment:
    """Where things are in a frame of plain IPv4; None for all others."""

    frame: bytes
    protocol: int
    transport_at: int
    payload_at: int
    end: int

    @property
    def key(self):
        ends = (self.frame[26:30] + self.frame[self.transport_at:self.transport_at + 2],
                self.frame[30:34] + self.frame[self.transport_at + 2:self.transport_at + 4])
        return (self.protocol, *sorted(ends))

    @property
    def sender(self):
        return self.frame[26:30] + self.frame[self.transport_at:self.transport_at + 2]

    @property
    def flags(self):
        return self.frame[self.transport_at + 13] if self.protocol == TCP else 0

    @property
    def payload(self):
        return self.frame[self.payload_at:self.end]

    def with_payload(self, payload, sequence=None):
        """The same headers around something else."""
        head = bytearray(self.frame[:self.payload_at])
        struct.pack_into(">H", head, 16, self.payload_at - 14 + len(payload))
        if self.protocol == TCP:
            head[self.transport_at + 13] = ACK | PSH if payload else ACK
            struct.pack_into(">I", head, self.transport_at + 4, sequence & 0xFFFFFFFF)
        else:
            struct.pack_into(">H", head, self.transport_at + 4, 8 + len(payload))
        return bytes(head) + payload


def segment_of(frame):
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4:
        return None
    fragment, protocol = struct.unpack_from(">H", frame, 20)[0] & 0x3FFF, frame[23]
    at = 14 + (frame[14] & 15) * 4
    end = 14 + struct.unpack_from(">H", frame, 16)[0]
    if fragment or protocol not in (TCP, UDP) or end > len(frame) or at + 20 > len(frame):
        return None
    payload_at = at + ((frame[at + 12] >> 4) * 4 if protocol == TCP else 8)
    return Segment(frame, protocol, at, payload_at, end) if payload_at <= end else None


@dataclass
class Connection:
    """What is known of a connection when bulk is to be put into it."""

    last: dict = field(default_factory=dict)  # by sender: its latest segment with payload
    is_quic: bool = False
    has_bulk: bool = False

    def note(self, segment):
        if segment.payload:
            self.last[segment.sender] = segment
            self.is_quic |= segment.protocol == UDP and segment.payload[0] & 0x80 != 0

    def bulk(self, count, noise):
        frames = []
        for i in range(count):
            for sender, segment in self.last.items():
                body = noise.randbytes(200)
                if segment.protocol == UDP:
                    start = b"\x40" if self.is_quic else b"\x17\xfe\xfd\x00\x01\x00\x00\x00\x00\x01\x00\x00\xc8"
                    frames.append(segment.with_payload(start + body))
                    continue
                sequence, = struct.unpack_from(">I", segment.frame, segment.transport_at + 4)
                data = b"\x17\x03\x03\x00\xc8" + body
                frames.append(segment.with_payload(data, sequence + len(segment.payload)))
                self.last[sender] = segment_of(frames[-1])
                frames.append(segment.with_payload(b"", sequence + len(segment.payload)))
        return frames


def with_bulk(records, noise):
    """The frames of a capture up to where its connections are to close, and those from there on."""
    connections, before, after = {}, [], []
    for record in records:
        segment = segment_of(record.data)
        (after if after else before).append(record.data)
        if segment is None:
            continue
        connection = connections.setdefault(segment.key, Connection())
        if segment.flags & (FIN | RST) and not connection.has_bulk:
            connection.has_bulk = True
            closing = (after if after else before).pop()
            before += connection.bulk(BULK_AT_ONCE, noise) if not after else []
            after += connection.bulk(BULK_LATER, noise)
            after.append(closing)
        connection.note(segment)
    for connection in connections.values():
        if not connection.has_bulk:
            before += connection.bulk(BULK_AT_ONCE, noise) if not after else []
            after += connection.bulk(BULK_LATER, noise)
    return before, after


def send_all(link, frames):
    for i, frame in enumerate(frames):
        link.send(frame)
        if i % 32 == 0:
            time.sleep(0.002)


def play(link, captures, noise):
    for at in range(0, len(captures), 8):
        halves = [with_bulk(records, noise) for records in captures[at:at + 8]]
        for before, _ in halves:
            send_all(link, before)
        time.sleep(PAUSE_S)
        for _, after in halves:
            send_all(link, after)


def stats_of(sensor):
    return sensor.lines("stats")[-1]["downgrade"], sensor.lines("stats")[-1]["stats"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wire.enter()
    program = os.path.abspath(sys.argv[1])
    captures = [records for records in map(wire.read, sorted(PCAPS.glob("*.pcap*"))) if is_playable(records)]
    noise = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="downgrd-kernel-filter.") as name:
        link = wire.Wire("tap0")
        with wire.Sensor(program, ["tap0"], name, "-q", "--kernel-filter", name="filtered") as filtered:
            if "going on without" in filtered.text():
                wire.skip(filtered.text().strip())
            with wire.Sensor(program, ["tap0"], name, "-q", name="plain") as plain:
                for _ in range(ROUNDS):
                    play(link, captures, noise)
                    time.sleep(PAUSE_S)
                plain.stop()
                filtered.stop()
                expected, found = findings(plain.lines()), findings(filtered.lines())
                (all_of, all_stats), (some_of, some_stats) = stats_of(plain), stats_of(filtered)
    told = differences(expected, found)
    lost = [stats["packets_dropped"] for stats in (all_of, some_of)]
    share = some_of["packets_stopped"] / all_stats["decoder"]["pkts"]
    print(f"{len(captures)} captures, {len(expected)} lines, {all_stats['decoder']['pkts']} packets; "
          f"{some_of['packets_stopped']} ended in the kernel ({share:.0%}); lost: {lost}")
    if lost == [0, 0] and all_stats["capture"]["kernel_packets"] != some_stats["capture"]["kernel_packets"]:
        told.append(f"packets: {all_stats['capture']} without, {some_stats['capture']} with the filter")
    if all_of["packets_stopped"] != 0 or share < LEAST_SHARE:
        told.append(f"stopped: {all_of['packets_stopped']} without, {some_of['packets_stopped']} with the filter")
    print("\n".join(told[:20]) or "the same findings with and without the filter")
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main()
