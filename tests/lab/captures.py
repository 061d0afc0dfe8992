"""captures.py - recorded captures read, re-wrapped and written again.

For what this laboratory's kernel cannot put on a wire (VLAN tags, other link types) and for what a
bad tap does to a good recording: one direction only, a late start, an early end, a lost packet.
Reads and writes classic pcap with microseconds, as tcpdump writes it here.
"""

import struct

import packets

LINK_NULL = 0
LINK_ETHERNET = 1
LINK_RAW = 101
MAGIC = 0xA1B2C3D4
SNAP_LENGTH = 262144
FAMILY_INET, FAMILY_INET6 = 2, 30  # as BSD writes them before a packet of LINK_NULL


def read(path):
    """(link type, [(seconds, microseconds, bytes, length on the wire)])."""
    data = path.read_bytes()
    magic, link = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
    if magic != MAGIC:
        raise ValueError(f"{path}: not a little-endian microsecond pcap")
    records, at = [], 24
    while at < len(data):
        seconds, micros, size, wire = struct.unpack_from("<IIII", data, at)
        records.append((seconds, micros, data[at + 16 : at + 16 + size], wire))
        at += 16 + size
    return link, records


def write(path, link, records):
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, SNAP_LENGTH, link))
        for seconds, micros, data, wire in records:
            out.write(struct.pack("<IIII", seconds, micros, len(data), wire) + data)


def _with_frames(change):
    """A transformation from one that changes frame by frame; None from `change` drops the frame."""

    def transform(link, records):
        changed = []
        for seconds, micros, data, wire in records:
            frame = change(data)
            if frame is not None:
                changed.append((seconds, micros, frame, wire + len(frame) - len(data)))
        return link, changed

    return transform


def tagged(*tags):
    """Every frame behind VLAN tags, outermost first: (ethertype, VLAN number)."""
    block = b"".join(struct.pack("!HH", ethertype, number) for ethertype, number in tags)
    return _with_frames(lambda frame: frame[:12] + block + frame[12:])


def as_raw(_link, records):
    """Link type RAW: the IP packet alone."""
    return LINK_RAW, _without_ethernet(records, lambda _packet: b"")


def as_null(_link, records):
    """Link type NULL: a family number in the writer's byte order, then the IP packet."""

    def family(packet):
        return struct.pack("<I", FAMILY_INET6 if packet[0] >> 4 == 6 else FAMILY_INET)

    return LINK_NULL, _without_ethernet(records, family)


def _without_ethernet(records, header_of):
    changed = []
    for seconds, micros, frame, wire in records:
        packet = frame[packets.ETHERNET_SIZE :]
        header = header_of(packet)
        change = len(header) - packets.ETHERNET_SIZE
        changed.append((seconds, micros, header + packet, wire + change))
    return changed


def only_from(port_is_server, server_port=443):
    """Only what the server (or, with False, the client) sent."""

    def change(frame):
        segment = packets.parse(frame)
        from_server = segment is not None and segment.source_port == server_port
        return frame if from_server == port_is_server else None

    return _with_frames(change)


def _index_of_payload(records, first_bytes):
    for index, (_, _, frame, _) in enumerate(records):
        segment = packets.parse(frame)
        if segment and first_bytes(segment.payload):
            return index
    raise ValueError("the capture has no such packet")


def is_client_hello(payload):
    return len(payload) > 5 and payload[0] == 22 and payload[5] == 1


def is_server_hello(payload):
    return len(payload) > 5 and payload[0] == 22 and payload[5] == 2


def starting_after_client_hello(link, records):
    return link, records[_index_of_payload(records, is_client_hello) + 1 :]


def ending_with_client_hello(link, records):
    return link, records[: _index_of_payload(records, is_client_hello) + 1]


def without_server_hello(link, records):
    lost = _index_of_payload(records, is_server_hello)
    return link, records[:lost] + records[lost + 1 :]


def cut_to(snap_length):
    """As if recorded with tcpdump -s."""

    def transform(link, records):
        return link, [(s, us, data[:snap_length], wire) for s, us, data, wire in records]

    return transform


def fragmented(size):
    """Every IP packet larger than `size` in fragments, one microsecond apart at most."""

    def transform(link, records):
        return link, [
            (seconds, micros, piece, len(piece))
            for seconds, micros, frame, _ in records
            for piece in packets.fragments(frame, size)
        ]

    return transform
