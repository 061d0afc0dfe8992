"""mixture.py - many connections interleaved in one capture, some of them wrapped and mildly damaged.

Every connection gets addresses of its own, so that its lines can be told from the others' whatever
is around it. The same seed and captures give the same mixture.
"""

import random
from dataclasses import dataclass, replace
from ipaddress import ip_address

import capture_file
import layers
from connections import TCP, Connection, begins_with_tls, readdressed
from packets import FIN, RST, SYN
from encapsulations import IP, NESTS, TAGS, TUNNELS, Encapsulation, fragments_table

START_NS = 1_700_000_000_000_000_000
DURATION_NS = 5_000_000_000
WAYS = {**TAGS, **TUNNELS, **NESTS, **IP, **fragments_table()}
PLAIN = "plain"
TWICE, SWAPPED = "some packets twice", "datagrams swapped"
# Half of all connections come as they are.
DAMAGES = ("sound",) * 5 + (TWICE, "segments swapped", "split in two", "one byte first")
DATAGRAM_DAMAGES = ("sound",) * 3 + (TWICE, SWAPPED)


@dataclass
class Member:
    """A connection in the mixture."""

    number: int
    connection: Connection
    sender: str  # addresses in the mixture
    receiver: str
    way: str
    damage: str

    @property
    def name(self):
        return f"{self.connection.name}, {self.way}, {self.damage}"


def _addresses(version, number):
    if version == 4:
        block = f"10.{64 + (number >> 8)}.{number & 255}"
        return f"{block}.1", f"{block}.2"
    return f"2001:0:{number + 1:x}::1", f"2001:db8:{number + 1:x}::2"  # Teredo's may carry the first


def _payload_at(connection, packet):
    """Where the TCP payload begins."""
    header = 20 if connection.version == 4 else 40
    return header + (packet[header + 12] >> 4) * 4


def _swapped(connection, packets, generator):
    """Here and there two segments with payload of one direction change places."""
    packets = list(packets)
    for index in range(len(packets) - 1):
        pair = packets[index : index + 2]
        both_full = all(len(p) > _payload_at(connection, p) for _, _, p in pair)
        if both_full and pair[0][1] == pair[1][1] and generator.random() < 0.3:
            packets[index] = (pair[0][0], pair[1][1], pair[1][2])
            packets[index + 1] = (pair[1][0], pair[0][1], pair[0][2])
    return packets


def _swapped_datagrams(packets, generator):
    """Here and there two datagrams of one direction change places."""
    packets = list(packets)
    for index in range(len(packets) - 1):
        one, other = packets[index : index + 2]
        if one[1] == other[1] and generator.random() < 0.3:
            packets[index] = (one[0], *other[1:])
            packets[index + 1] = (other[0], *one[1:])
    return packets


def _split(connection, packets, place):
    """Every payload in two segments, cut where `place` says for its size."""
    made = []
    header = 20 if connection.version == 4 else 40
    for time_ns, is_first, packet in packets:
        at = _payload_at(connection, packet)
        size = len(packet) - at
        cut = at + place(size)
        if size < 2 or packet[header + 13] & (SYN | RST):
            made.append((time_ns, is_first, packet))
            continue
        sequence = int.from_bytes(packet[header + 4 : header + 8], "big") + cut - at
        moved = (sequence & 0xFFFFFFFF).to_bytes(4, "big")
        tail = packet[: header + 4] + moved + packet[header + 8 : at] + packet[cut:]
        flags = bytes([packet[header + 13] & ~FIN])
        head = packet[: header + 13] + flags + packet[header + 14 : cut]
        made += [(time_ns, is_first, head), (time_ns, is_first, tail)]
    return made


def _numbered(connection, packets):
    """IPv4 packets with identifications that count: fragments are put together by them, and some
    systems leave all at 0."""
    if connection.version == 6:
        return packets
    return [
        (time_ns, is_first, packet[:4] + number.to_bytes(2, "big") + packet[6:])
        for number, (time_ns, is_first, packet) in enumerate(packets, 1)
    ]


def _damaged(member, generator):
    packets = _numbered(member.connection, _rearranged(member, generator))
    if member.damage == TWICE:
        return [p for p in packets for _ in range(1 + (generator.random() < 0.3))]
    return packets


def _rearranged(member, generator):
    connection, packets = member.connection, member.connection.packets
    if member.damage == SWAPPED:
        return _swapped_datagrams(packets, generator)
    if member.damage == "segments swapped":
        return _swapped(connection, packets, generator)
    if member.damage == "split in two":
        return _resized(connection, _split(connection, packets, lambda size: size // 2))
    if member.damage == "one byte first":
        # Of a dialogue before TLS, fewer than seven bytes may be link padding as well.
        first = 1 if begins_with_tls(connection) else 8
        return _resized(connection, _split(connection, packets, lambda size: min(first, size // 2)))
    return packets


def _resized(connection, packets):
    """IP lengths mended after a cut (checksums are when the addresses are set)."""
    made = []
    for time_ns, is_first, packet in packets:
        if connection.version == 4:
            packet = packet[:2] + len(packet).to_bytes(2, "big") + packet[4:]
        else:
            packet = packet[:4] + (len(packet) - 40).to_bytes(2, "big") + packet[6:]
        made.append((time_ns, is_first, packet))
    return made


def _choose_way(connection, generator):
    if generator.random() < 0.5:
        return PLAIN
    names = [
        name
        for name, way in WAYS.items()
        if way.version in (None, connection.version)
    ]
    return generator.choice(names)


def choose(pool, count, generator):
    """`count` members (or as many as there are) out of a pool of connections."""
    members = []
    for number, connection in enumerate(generator.sample(pool, min(count, len(pool)))):
        is_tcp = connection.protocol == TCP
        damage = generator.choice(DAMAGES if is_tcp else DATAGRAM_DAMAGES)
        way = _choose_way(connection, generator)
        ends = _addresses(connection.version, number)
        members.append(Member(number, connection, *ends, way, damage))
    return members


def records(member, generator):
    """The member's captured frames."""
    connection = member.connection
    moved = replace(connection, packets=_damaged(member, generator))
    ends = (ip_address(member.sender).packed, ip_address(member.receiver).packed)
    start = START_NS + generator.randrange(DURATION_NS)
    around = WAYS.get(member.way, Encapsulation()).around
    made = []
    for number, (time_ns, is_first, packet) in enumerate(readdressed(moved, *ends), 1):
        unit = layers.unit_of(packet, is_first, number, member.number)
        for wrapped in layers.wrap(unit, around):
            frame = layers.ethernet_frame(wrapped)
            made.append(capture_file.Record(start + time_ns, frame, len(frame)))
    return made


def capture(members, generator):
    """All of them in one capture, in the order of time; as pcap or as pcapng."""
    mixed = [record for member in members for record in records(member, generator)]
    mixed.sort(key=lambda record: record.time_ns)
    if generator.random() < 0.5:
        return capture_file.pcap(mixed, nano=True)
    return capture_file.pcapng(mixed, ">", resolution=9)


def new_generator(seed):
    return random.Random(seed)
