"""capture_file.py - capture files read and written, in every form that the sensor has to meet.

Reads pcap (both byte orders, micro- and nanoseconds) and pcapng (several sections and interfaces);
writes both, with the byte order, resolution, link types and interfaces asked for; compresses.
Formats: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html and
draft-ietf-opsawg-pcapng. Bytes in, bytes out.
"""

import gzip
import struct
import subprocess
from dataclasses import dataclass, replace

LINK_ETHERNET = 1
MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
SECTION_HEADER, INTERFACE, SIMPLE_PACKET, NAMES = 0x0A0D0D0A, 1, 3, 4
STATISTICS, ENHANCED_PACKET, CUSTOM = 5, 6, 0x00000BAD
BYTE_ORDER_MAGIC = 0x1A2B3C4D
OPTION_END, OPTION_COMMENT, OPTION_RESOLUTION, OPTION_TIME_OFFSET = 0, 1, 9, 14
SNAP_LENGTH = 262144
SECOND_NS = 1_000_000_000
MICROSECOND_NS = 1000


@dataclass(frozen=True)
class Record:
    """One captured frame. `wire_size` is its length on the wire, at least len(data)."""

    time_ns: int
    data: bytes
    wire_size: int
    link: int = LINK_ETHERNET

    def at(self, time_ns):
        return replace(self, time_ns=time_ns)

    def cut(self, snap_length):
        return replace(self, data=self.data[:snap_length])


def record(time_us, data, link=LINK_ETHERNET):
    """A frame captured whole."""
    return Record(time_us * MICROSECOND_NS, data, len(data), link)


# ---- writing ------------------------------------------------------------------------------------


def pcap(records, order="<", nano=False, snap_length=SNAP_LENGTH):
    """A pcap file of frames of one link type."""
    link = records[0].link if records else LINK_ETHERNET
    if any(r.link != link for r in records):
        raise ValueError("pcap holds one link type")
    magic, unit = (NANO, 1) if nano else (MICRO, MICROSECOND_NS)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_length, link)]
    for r in records:
        seconds, rest = divmod(r.time_ns, SECOND_NS)
        parts.append(struct.pack(order + "IIII", seconds, rest // unit, len(r.data), r.wire_size))
        parts.append(r.data)
    return b"".join(parts)


@dataclass(frozen=True)
class Interface:
    """An interface of a pcapng section. `resolution` is the if_tsresol byte: 6 is microseconds, 9
    nanoseconds, 0x80 + n is 2^-n seconds; None leaves the option out (microseconds). `offset_s` is
    taken off every time stamp and stands in if_tsoffset."""

    link: int = LINK_ETHERNET
    resolution: int | None = None
    offset_s: int = 0
    snap_length: int = SNAP_LENGTH

    def ticks(self, time_ns):
        """The time in the interface's unit, rounded up: reading it back gives no earlier one."""
        value = 6 if self.resolution is None else self.resolution
        unit = 2 ** (value & 0x7F) if value & 0x80 else 10**value
        return -(-(time_ns - self.offset_s * SECOND_NS) * unit // SECOND_NS)


class Pcapng:
    """Builds a pcapng file block by block."""

    def __init__(self):
        self.parts = []
        self.order = "<"
        self.interfaces = []

    def _block(self, kind, body):
        body += bytes(-len(body) % 4)
        size = 12 + len(body)
        self.parts.append(struct.pack(self.order + "II", kind, size) + body)
        self.parts.append(struct.pack(self.order + "I", size))

    def _options(self, options):
        parts = []
        for code, value in options:
            parts.append(struct.pack(self.order + "HH", code, len(value)) + value)
            parts.append(bytes(-len(value) % 4))
        return b"".join(parts) + struct.pack(self.order + "HH", OPTION_END, 0) if options else b""

    def section(self, order="<"):
        """A new section: its byte order counts from here on, and interfaces are numbered anew."""
        self.order = order
        self.interfaces = []
        size_unknown = 0xFFFFFFFFFFFFFFFF
        head = struct.pack(order + "IHHQ", BYTE_ORDER_MAGIC, 1, 0, size_unknown)
        self._block(SECTION_HEADER, head)
        return self

    def interface(self, interface):
        options = [(OPTION_COMMENT, b"tap")]
        if interface.resolution is not None:
            options.append((OPTION_RESOLUTION, bytes([interface.resolution])))
        if interface.offset_s:
            offset = struct.pack(self.order + "q", interface.offset_s)
            options.append((OPTION_TIME_OFFSET, offset))
        head = struct.pack(self.order + "HHI", interface.link, 0, interface.snap_length)
        self._block(INTERFACE, head + self._options(options))
        self.interfaces.append(interface)
        return self

    def packet(self, index, r):
        """An Enhanced Packet Block on the section's interface `index`."""
        ticks = self.interfaces[index].ticks(r.time_ns)
        head = struct.pack(
            self.order + "IIIII",
            index,
            ticks >> 32,
            ticks & 0xFFFFFFFF,
            len(r.data),
            r.wire_size,
        )
        padded = r.data + bytes(-len(r.data) % 4)
        self._block(ENHANCED_PACKET, head + padded + self._options([(OPTION_COMMENT, b"seen")]))
        return self

    def noise(self):
        """Blocks that hold no packet: names, statistics, one nobody knows."""
        self._block(NAMES, struct.pack(self.order + "HH", 0, 0))
        self._block(STATISTICS, struct.pack(self.order + "III", 0, 0, 0))
        self._block(0x0000ABCD, b"unknown!")
        return self

    def custom(self):
        """A Custom Block, which Wireshark counts among the packets."""
        self._block(CUSTOM, struct.pack(self.order + "I", 32473) + b"anything")
        return self

    def simple_packet(self, r):
        """A Simple Packet Block: interface 0, no time."""
        self._block(SIMPLE_PACKET, struct.pack(self.order + "I", r.wire_size) + r.data)
        return self

    def data(self):
        return b"".join(self.parts)


def pcapng(records, order="<", resolution=None, offset_s=0):
    """A pcapng file with one section; interfaces are made as link types appear."""
    file = Pcapng().section(order)
    links = []
    for r in records:
        if r.link not in links:
            links.append(r.link)
            file.interface(Interface(r.link, resolution, offset_s))
        file.packet(links.index(r.link), r)
    return file.data()


def gzipped(data):
    return gzip.compress(data, mtime=0)


def zstd_compressed(data):
    """By the zstd tool; None where there is none."""
    try:
        done = subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True)
    except FileNotFoundError:
        return None
    return done.stdout


# ---- reading ------------------------------------------------------------------------------------


def read(data):
    """The records of a pcap or pcapng file. A damaged end is left out; ValueError for other files."""
    for order in "<>":
        if len(data) >= 24:
            magic = struct.unpack_from(order + "I", data)[0]
            if magic in (MICRO, NANO):
                return list(_read_pcap(data, order, 1 if magic == NANO else MICROSECOND_NS))
            if magic == SECTION_HEADER:
                return list(_read_pcapng(data))
    raise ValueError("neither pcap nor pcapng")


def _read_pcap(data, order, unit):
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, size, wire = struct.unpack_from(order + "IIII", data, at)
        at += 16
        if size > len(data) - at:
            return
        frame = data[at : at + size]
        yield Record(seconds * SECOND_NS + fraction * unit, frame, max(wire, size), link)
        at += size


def _read_pcapng(data):
    at, order, interfaces = 0, "<", []
    while at + 12 <= len(data):
        if struct.unpack_from("<I", data, at)[0] == SECTION_HEADER:
            magic = struct.unpack_from("<I", data, at + 8)[0]
            order, interfaces = ("<" if magic == BYTE_ORDER_MAGIC else ">"), []
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < 12 or size % 4 or size > len(data) - at:
            return
        body = data[at + 8 : at + size - 4]
        at += size
        if kind == INTERFACE and len(body) >= 8:
            interfaces.append(_read_interface(body, order))
        elif kind == ENHANCED_PACKET and len(body) >= 20:
            r = _read_packet(body, order, interfaces)
            if r is not None:
                yield r


def _read_interface(body, order):
    link = struct.unpack_from(order + "H", body)[0]
    resolution, offset_s, at = 6, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
        if code == OPTION_END:
            break
        if code == OPTION_RESOLUTION and size == 1:
            resolution = value[0]
        if code == OPTION_TIME_OFFSET and size == 8:
            offset_s = struct.unpack(order + "q", value)[0]
    return Interface(link, resolution, offset_s)


def _read_packet(body, order, interfaces):
    index, high, low, size, wire = struct.unpack_from(order + "IIIII", body)
    if index >= len(interfaces) or size > len(body) - 20:
        return None
    interface = interfaces[index]
    unit = interface.ticks(SECOND_NS + interface.offset_s * SECOND_NS)
    time_ns = (high << 32 | low) * SECOND_NS // unit + interface.offset_s * SECOND_NS
    return Record(time_ns, body[20 : 20 + size], max(wire, size), interface.link)
