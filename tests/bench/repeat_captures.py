"""repeat_captures - a large capture out of small ones, for measuring without any other data.

usage: repeat_captures.py OUT CONNECTIONS CAPTURE...

Copies the packets of the given captures over and over, each copy with addresses of its own, until
about that many connections were written. Copies are interleaved: GROUP of them run at the same
time, as on a busy link. The same input gives the same bytes.

Reads classic pcap files (either byte order, micro- or nanoseconds) of Ethernet frames with IPv4 or
IPv6, VLAN tags included; other frames are left out. Checksums are not mended: a sensor behind a
mirror port meets wrong ones daily (checksum offload) and does not look at them.
"""
import pathlib
import struct
import sys

GROUP = 64  # copies running at the same time
MAGICS = {b"\xd4\xc3\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1),
          b"\x4d\x3c\xb2\xa1": ("<", 1000), b"\xa1\xb2\x3c\x4d": (">", 1000)}
LINK_ETHERNET = 1
TAGS = (b"\x81\x00", b"\x88\xa8")


def read_capture(path):
    """[(time in microseconds, frame)] of an Ethernet pcap file, [] for any other file."""
    data = path.read_bytes()
    if data[:4] not in MAGICS or len(data) < 24:
        return []
    order, per_us = MAGICS[data[:4]]
    if struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF != LINK_ETHERNET:
        return []
    frames = []
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from(order + "IIII", data, at)
        frames.append((seconds * 1000000 + fraction // per_us, data[at + 16:at + 16 + size]))
        at += 16 + size
    return frames


def address_places(frame):
    """(offset of the source address, its size) in an Ethernet frame, or None when it is not IP."""
    at = 12
    while frame[at:at + 2] in TAGS:
        at += 4
    kind = frame[at:at + 2]
    if kind == b"\x08\x00" and len(frame) >= at + 22:
        return at + 14, 4
    if kind == b"\x86\xdd" and len(frame) >= at + 42:
        return at + 10, 16
    return None


class Template:
    """One small capture, cut at its addresses so that a copy is a join."""

    def __init__(self, frames):
        self.numbers = {}  # address -> small number, kept apart within a copy
        self.pieces = []   # (microseconds since the first, before, source, destination, after)
        self.connections = 0
        start = frames[0][0]
        for time_us, frame in frames:
            place = address_places(frame)
            if not place:
                continue
            at, size = place
            source, target = frame[at:at + size], frame[at + size:at + 2 * size]
            self.pieces.append((time_us - start, frame[:at], self.number(source), self.number(target),
                                frame[at + 2 * size:], size))
            if is_first_of_connection(frame, at, size):
                self.connections += 1

    def number(self, address):
        return self.numbers.setdefault(address, len(self.numbers) + 1)

    def copy(self, copy_number, start_us):
        """[(time, frame)] with addresses that no other copy has."""
        upper = struct.pack(">I", copy_number)[1:]
        lower4 = [bytes([10 + n % 200]) + upper for n in range(len(self.numbers) + 1)]
        lower16 = [b"\xfd" + bytes(10) + upper + bytes([n >> 8, n & 255])
                   for n in range(len(self.numbers) + 1)]
        for after_us, before, source, target, rest, size in self.pieces:
            names = lower4 if size == 4 else lower16
            yield start_us + after_us, before + names[source] + names[target] + rest


def is_first_of_connection(frame, at, size):
    """True for a TCP segment with SYN and without ACK."""
    if size == 4:
        header = at - 12
        transport = header + (frame[header] & 15) * 4
        protocol = frame[header + 9]
    else:
        transport = at + 32
        protocol = frame[at - 2]
    return protocol == 6 and len(frame) > transport + 13 and frame[transport + 13] & 0x12 == 0x02


def write_repeated(captures, path, wanted):
    """Writes the file; returns (packets, connections) in it."""
    templates = [Template(frames) for frames in map(read_capture, captures) if frames]
    templates = [template for template in templates if template.connections]
    if not templates:
        sys.exit("repeat_captures: no classic pcap file of Ethernet frames with a TCP connection in it")
    packets = connections = copy_number = 0
    start_us = 1700000000 * 1000000
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINK_ETHERNET))
        while connections < wanted:
            group = []
            for _ in range(GROUP):
                template = templates[copy_number % len(templates)]
                group.extend(template.copy(copy_number, start_us + copy_number % GROUP * 1000))
                connections += template.connections
                copy_number += 1
            group.sort(key=lambda packet: packet[0])
            for time_us, frame in group:
                out.write(struct.pack("<IIII", time_us // 1000000, time_us % 1000000,
                                      len(frame), len(frame)))
                out.write(frame)
            packets += len(group)
            start_us = group[-1][0] + 1000
    return packets, connections


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    packets, connections = write_repeated([pathlib.Path(name) for name in sys.argv[3:]],
                                          sys.argv[1], int(sys.argv[2]))
    print(f"{sys.argv[1]}: {packets} packets, {connections} connections")


if __name__ == "__main__":
    main()
