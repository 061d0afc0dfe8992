#!/usr/bin/env python3
"""check_kernel_filter - the filter in the kernel stops bulk, and nothing that a rule needs.

usage: check_kernel_filter.py DOWNGRD

Two sensors listen on one wire at one time, one with --kernel-filter and one without, so both see
the same packets with the same times. Every Ethernet capture of pcaps/ is put on the wire, twice:
the connections of the second time have the addresses and ports of stopped ones of the first. Into
each connection, before it closes, goes bulk: application data in both directions and bare
acknowledgements, some at once, some when its handshake has long been told, so that the sensor names
it if need be, and the rest when that was read. Both must find the same handshakes and alerts, and account for
the same number of packets. The same once more with --filter, which the kernel's filter takes the
place of: then it stops only what the sensor names.

Then alerts are forged in the server's name within a round trip of a handshake: behind bulk that has
been stopped, where the genuine server's next bytes go, too. Both sensors must tell of them alike.

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
from dataclasses import dataclass, field, replace

import wire
from check_same_as_replay import differences, findings, is_playable

PCAPS = pathlib.Path(__file__).resolve().parents[2] / "pcaps"
BULK_AT_ONCE, BULK_NAMED, BULK_LATER = 10, 10, 40
LINGER_S = 0.3  # after a handshake; then nothing can contradict it any more
LEAST_SHARE = 0.5  # of packets stopped, of all;
LEAST_NAMED = 0.2  # where the sensor has to name them: captures of many connections close the first before the last opens
ROUNDS = 2
SIDE_BY_SIDE = 16  # captures
CONFIG = "capture: {stats_interval: 1s}\n"
EXPRESSION = "ip or vlan"
LATE_CAPTURES = ("honest-tls12", "honest-tls13")
LATE_TIMES = 12   # each of them
LATE_S = 0.025    # longer than the kernel holds packets back, shorter than a handshake can be contradicted
LEAST_LATE = 0.3  # of the forged alerts: a busy machine sends some of them too late
FORGED_HOPS = 7
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

    @property
    def is_server(self):
        source, destination = struct.unpack_from(">HH", self.frame, self.transport_at)
        return source < destination

    def of_client(self, number):
        """The same with another client's address."""
        frame = bytearray(self.frame)
        frame[33 if self.is_server else 29] = number
        return bytes(frame)

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


def moved(number, records):
    """The same between other addresses: many captures are of one connection, damaged in one way or another."""
    def move(record):
        frame = record.data
        if frame[12:14] != b"\x08\x00":
            return record
        return replace(record, data=frame[:27] + bytes([number]) + frame[28:31] + bytes([number]) + frame[32:])

    return [move(record) for record in records]


def is_ipv4(frame):
    """As EXPRESSION has it."""
    return frame[12:14] in (b"\x08\x00", b"\x81\x00", b"\x88\xa8", b"\x91\x00")


def with_bulk(records, noise):
    """The frames of a capture up to where its connections are to close, those by which the sensor
    learns of bulk, and those from there on."""
    connections, before, named, after = {}, [], [], []

    def add_bulk(connection):
        connection.has_bulk = True
        if not after:
            before.extend(connection.bulk(BULK_AT_ONCE, noise))
            named.extend(connection.bulk(BULK_NAMED, noise))
        after.extend(connection.bulk(BULK_LATER, noise))

    for record in records:
        segment = segment_of(record.data)
        (after if after else before).append(record.data)
        if segment is None:
            continue
        connection = connections.setdefault(segment.key, Connection())
        if segment.flags & (FIN | RST) and not connection.has_bulk:
            closing = (after if after else before).pop()
            add_bulk(connection)
            after.append(closing)
        connection.note(segment)
    for connection in connections.values():
        if not connection.has_bulk:
            add_bulk(connection)
    return before, named, after


def side_by_side(captures):
    """Captures in groups in which no connection is in two of them: their packets would be mixed."""
    groups = []
    for records in captures:
        keys = {segment.key for segment in (segment_of(record.data) for record in records) if segment}
        for group in groups:
            if len(group[1]) < SIDE_BY_SIDE and keys.isdisjoint(group[0]):
                break
        else:
            group = (set(), [])
            groups.append(group)
        group[0].update(keys)
        group[1].append(records)
    return [group[1] for group in groups]


class Player:
    """Plays to some sensors, and waits for them."""

    def __init__(self, link, sensors, is_wanted):
        self.link, self.sensors, self.is_wanted, self.sent = link, sensors, is_wanted, 0

    def send(self, frames):
        for i, frame in enumerate(frames):
            self.link.send(frame)
            if i % 32 == 0:
                time.sleep(0.002)
        self.sent += sum(map(self.is_wanted, frames))

    def have_read(self):
        def seen(sensor):
            lines = sensor.lines("stats")
            return lines[-1]["stats"]["capture"]["kernel_packets"] if lines else 0

        return all(seen(sensor) >= self.sent for sensor in self.sensors)

    def wait(self):
        wire.wait_for(self.have_read, "the sensors have read all packets", 60)

    def play(self, captures, noise):
        for group in side_by_side(captures):
            parts = [with_bulk(records, noise) for records in group]
            for stage in range(3):
                for part in parts:
                    self.send(part[stage])
                time.sleep(LINGER_S)
                self.wait()


def forged_alert(last):
    """In the name of who sent this segment, and right behind it."""
    sequence, = struct.unpack_from(">I", last.frame, last.transport_at + 4)
    frame = bytearray(last.with_payload(bytes.fromhex("15030300020228"), sequence + len(last.payload)))
    frame[22] = FORGED_HOPS
    return bytes(frame)


def play_late_injections(player, noise):
    for number in range(LATE_TIMES * len(LATE_CAPTURES)):
        connection = Connection()
        for record in wire.read(PCAPS / f"{LATE_CAPTURES[number % len(LATE_CAPTURES)]}.pcap"):
            segment = segment_of(record.data)
            if segment.flags & (FIN | RST):
                break
            segment = segment_of(segment.of_client(100 + number))
            connection.note(segment)
            player.send([segment.frame])
        player.send(connection.bulk(BULK_AT_ONCE, noise))
        time.sleep(LATE_S)
        server, = (last for last in connection.last.values() if last.is_server)
        player.send([forged_alert(server), *connection.bulk(2, noise)])
    time.sleep(LINGER_S)
    player.wait()


def stats_of(sensor):
    return sensor.lines("stats")[-1]["downgrade"], sensor.lines("stats")[-1]["stats"]


def play_to_both(program, play, folder, options):
    """A sensor without the filter and one with it, when both have ended; skips the test where there is none."""
    link = wire.Wire("tap0")
    with wire.Sensor(program, ["tap0"], folder, "-q", "--kernel-filter", *options, config=CONFIG, name="filtered") as filtered:
        if "going on without" in filtered.text():
            wire.skip(filtered.text().strip())
        with wire.Sensor(program, ["tap0"], folder, "-q", *options, config=CONFIG, name="plain") as plain:
            play(Player(link, [plain, filtered], is_ipv4 if options else bool), random.Random(1))
            plain.stop()
            filtered.stop()
    link.remove()
    return plain, filtered


def compare(program, captures, options):
    """What is not as it must be."""
    with tempfile.TemporaryDirectory(prefix="downgrd-kernel-filter.") as folder:
        def play(player, noise):
            for _ in range(ROUNDS):
                player.play(captures, noise)

        plain, filtered = play_to_both(program, play, folder, options)
        expected, found = findings(plain.lines()), findings(filtered.lines())
        (all_of, all_stats), (some_of, some_stats) = stats_of(plain), stats_of(filtered)
    told = differences(expected, found)
    lost = [stats["packets_dropped"] for stats in (all_of, some_of)]
    share = some_of["packets_stopped"] / all_stats["decoder"]["pkts"]
    print(f"{' '.join(options) or 'all packets'}: {len(captures)} captures, {len(expected)} lines, "
          f"{all_stats['decoder']['pkts']} packets; {some_of['packets_stopped']} ended in the kernel ({share:.0%}); lost: {lost}")
    if lost == [0, 0] and all_stats["capture"]["kernel_packets"] != some_stats["capture"]["kernel_packets"]:
        told.append(f"packets: {all_stats['capture']} without, {some_stats['capture']} with the filter")
    if all_of["packets_stopped"] != 0 or share < (LEAST_NAMED if options else LEAST_SHARE):
        told.append(f"stopped: {all_of['packets_stopped']} without, {some_of['packets_stopped']} with the filter")
    if not expected:
        told.append("there was nothing to be found")
    return told


def compare_late(program):
    with tempfile.TemporaryDirectory(prefix="downgrd-kernel-filter.") as folder:
        plain, filtered = play_to_both(program, play_late_injections, folder, ())
        expected, found = findings(plain.lines()), findings(filtered.lines())
        stopped = stats_of(filtered)[0]["packets_stopped"]
    forged, told = LATE_TIMES * len(LATE_CAPTURES), differences(expected, found)
    alerts = sum('"event_type": "alert"' in line for line in expected)
    print(f"late injections: {forged}; {alerts} alerts; {stopped} packets ended in the kernel")
    if alerts < LEAST_LATE * forged or stopped < forged:
        told.append("too few to tell")
    return told


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    wire.enter()
    program = os.path.abspath(sys.argv[1])
    playable = filter(is_playable, map(wire.read, sorted(PCAPS.glob("*.pcap*"))))
    captures = [moved(number, records) for number, records in enumerate(playable)]
    told = compare_late(program) + compare(program, captures, ()) + compare(program, captures, ("--filter", EXPRESSION))
    print("\n".join(told[:20]) or "the same findings with and without the filter")
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main()
