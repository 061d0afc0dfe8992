"""packets.py - Ethernet frames with TCP in IPv4 or IPv6: taken apart, changed, put together again.

Knows exactly what the laboratory's own hosts send: no IPv4 options, no IPv6 extension headers
before TCP. Anything else is not taken apart (parse() gives None) and passes through as it is.
"""

import struct
from dataclasses import dataclass, replace

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_IPV6 = 0x86DD
PROTOCOL_TCP = 6
PROTOCOL_FRAGMENT = 44
ETHERNET_SIZE = 14
IPV4_SIZE = 20
IPV6_SIZE = 40
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10


def internet_checksum(data):
    """RFC 1071, over any number of bytes."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass
class Segment:
    """One TCP segment with the headers it travels in. `options` are TCP's, padded to four bytes."""

    ethernet: bytes
    ip_version: int
    traffic_class: int
    identification: int  # IPv4
    fragment_bits: int  # IPv4: flags and offset
    flow_label: int  # IPv6
    hop_limit: int
    source: bytes
    destination: bytes
    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int
    options: bytes
    payload: bytes

    @property
    def sender(self):
        return (self.source, self.source_port)

    @property
    def receiver(self):
        return (self.destination, self.destination_port)

    @property
    def next_sequence(self):
        """The sequence number that follows this segment."""
        length = len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)
        return (self.sequence + length) & 0xFFFFFFFF

    def changed(self, **fields):
        return replace(self, **fields)

    def answered(self, flags, payload=b""):
        """What the receiver of this segment would send back: it has this segment, and nothing more
        to say than `payload`. No TCP options."""
        ethernet = self.ethernet[6:12] + self.ethernet[0:6] + self.ethernet[12:14]
        return replace(
            self,
            ethernet=ethernet,
            source=self.destination,
            destination=self.source,
            source_port=self.destination_port,
            destination_port=self.source_port,
            sequence=self.acknowledgement,
            acknowledgement=self.next_sequence,
            flags=flags,
            options=b"",
            payload=payload,
        )

    def to_frame(self):
        """The bytes on the wire, lengths and checksums right."""
        offset = (5 + len(self.options) // 4) << 12
        tcp = struct.pack(
            "!HHIIHHHH",
            self.source_port,
            self.destination_port,
            self.sequence & 0xFFFFFFFF,
            self.acknowledgement & 0xFFFFFFFF,
            offset | self.flags,
            self.window,
            0,
            0,
        )
        tcp += self.options + self.payload
        pseudo = self.source + self.destination + struct.pack("!II", len(tcp), PROTOCOL_TCP)
        tcp = tcp[:16] + struct.pack("!H", internet_checksum(pseudo + tcp)) + tcp[18:]
        return self.ethernet + self._ip_header(len(tcp)) + tcp

    def _ip_header(self, size):
        if self.ip_version == 6:
            first = 6 << 28 | self.traffic_class << 20 | self.flow_label
            return (
                struct.pack("!IHBB", first, size, PROTOCOL_TCP, self.hop_limit)
                + self.source
                + self.destination
            )
        return ipv4_header(self, size, self.fragment_bits)


def ipv4_header(segment, size, fragment_bits):
    """An IPv4 header for `size` bytes of payload of this segment."""
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        segment.traffic_class,
        IPV4_SIZE + size,
        segment.identification,
        fragment_bits,
        segment.hop_limit,
        PROTOCOL_TCP,
        0,
        segment.source,
        segment.destination,
    )
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:]


def parse(frame):
    """The TCP segment in an Ethernet frame, or None when it holds something else."""
    if len(frame) < ETHERNET_SIZE:
        return None
    ethertype = struct.unpack_from("!H", frame, 12)[0]
    ip = frame[ETHERNET_SIZE:]
    if ethertype == ETHERTYPE_IPV4 and len(ip) >= IPV4_SIZE and ip[0] == 0x45:
        total, identification, bits = struct.unpack_from("!HHH", ip, 2)
        if ip[9] != PROTOCOL_TCP or bits & 0x3FFF:
            return None
        network = (4, ip[1], identification, bits, 0, ip[8], ip[12:16], ip[16:20])
        return _parse_tcp(frame[:ETHERNET_SIZE], network, ip[IPV4_SIZE:total])
    if ethertype == ETHERTYPE_IPV6 and len(ip) >= IPV6_SIZE:
        first, size, protocol, hop_limit = struct.unpack_from("!IHBB", ip, 0)
        if protocol != PROTOCOL_TCP:
            return None
        network = (6, first >> 20 & 0xFF, 0, 0, first & 0xFFFFF, hop_limit, ip[8:24], ip[24:40])
        return _parse_tcp(frame[:ETHERNET_SIZE], network, ip[IPV6_SIZE : IPV6_SIZE + size])
    return None


def _parse_tcp(ethernet, network, tcp):
    if len(tcp) < 20:
        return None
    ports = struct.unpack_from("!HHIIHH", tcp, 0)
    header = (ports[4] >> 12) * 4
    return Segment(
        ethernet, *network, *ports[:4], ports[4] & 0x1FF, ports[5], tcp[20:header], tcp[header:]
    )


def fragments(frame, size):
    """The frame's IP packet cut to pieces of at most `size` bytes of payload (a multiple of 8).

    As a router does it: the IPv4 "don't fragment" flag, which TCP sets, is ignored. A frame that is
    no TCP segment, or is small enough, comes back whole."""
    segment = parse(frame)
    if segment is None:
        return [frame]
    header_size = IPV4_SIZE if segment.ip_version == 4 else IPV6_SIZE
    body = segment.to_frame()[ETHERNET_SIZE + header_size :]
    if len(body) <= size:
        return [frame]
    pieces = []
    for offset in range(0, len(body), size):
        piece = body[offset : offset + size]
        is_last = offset + size >= len(body)
        make = _ipv4_fragment if segment.ip_version == 4 else _ipv6_fragment
        pieces.append(make(segment, piece, offset, is_last))
    return pieces


def _ipv4_fragment(segment, piece, offset, is_last):
    bits = offset // 8 | (0 if is_last else 0x2000)
    return segment.ethernet + ipv4_header(segment, len(piece), bits) + piece


def _ipv6_fragment(segment, piece, offset, is_last):
    identification = (segment.source_port << 16 | segment.sequence & 0xFFFF) & 0xFFFFFFFF
    extension = struct.pack("!BBHI", PROTOCOL_TCP, 0, offset | (not is_last), identification)
    first = 6 << 28 | segment.traffic_class << 20 | segment.flow_label
    size = len(extension) + len(piece)
    header = struct.pack("!IHBB", first, size, PROTOCOL_FRAGMENT, segment.hop_limit)
    return segment.ethernet + header + segment.source + segment.destination + extension + piece
