"""links.py - the frames of a capture file, by link type.

A Link makes a captured frame of a unit (layers.py).

Sources: https://www.tcpdump.org/linktypes.html, https://www.radiotap.org, IEEE 802.2, 802.3, 802.11.
"""

import struct
from dataclasses import dataclass, field

from layers import CLIENT_MAC, IPV4, SNAP, ethernet_frame, macs, mpls, ppp_frame, ppp_protocol
from layers import wifi_frame

MOST_IEEE8023 = 1500


@dataclass(frozen=True)
class Link:
    """A link type and how a unit becomes one of its frames. Needs an IP packet where `ip_only`."""

    number: int
    frame: object = field(repr=False)
    ip_only: bool = True


def _null(order):
    def frame(unit):
        return struct.pack(order + "I", 2 if unit.ethertype == IPV4 else 24) + unit.data

    return frame


def _cooked(unit):
    head = struct.pack("!HHH", 4 if unit.from_client else 0, 1, 6)
    return head + CLIENT_MAC + bytes(2) + struct.pack("!H", unit.ethertype) + unit.data


def _cooked_2(unit):
    head = struct.pack("!HHIHBB", unit.ethertype, 0, 3, 1, 4 if unit.from_client else 0, 6)
    return head + CLIENT_MAC + bytes(2) + unit.data


def _radiotap(has_checksum=False, **shape):
    """Flags, rate and channel; `has_checksum`: the flags say that four bytes follow the frame."""

    def frame(unit):
        flags = 0x10 if has_checksum else 0
        fields = struct.pack("<BBHH", flags, 12, 2412, 0x0080)
        head = struct.pack("<BBHI", 0, 0, 8 + len(fields), 0x0000000E) + fields
        return head + wifi_frame(unit, **shape) + (b"\xde\xad\xbe\xef" if has_checksum else b"")

    return frame


def _radiotap_long(unit):
    """Two words of presence bits and a time stamp, which is aligned to eight bytes."""
    head = struct.pack("<BBHII4xQB", 0, 0, 25, 0x80000003, 0, 123456, 0)
    return head + wifi_frame(unit)


def _ppi(unit):
    """Per-Packet Information with no fields, on 802.11."""
    return struct.pack("<BBHI", 0, 0, 8, 105) + wifi_frame(unit)


def _prism(unit):
    """The header of Prism cards: a message, a device, ten values that nobody set."""
    head = struct.pack("<II16s", 0x44, 144, b"wlan0")
    values = b"".join(struct.pack("<IHHI", number << 12 | 0x44, 1, 4, 0) for number in range(1, 11))
    return head + values + wifi_frame(unit)


def _avs(unit):
    return struct.pack("!II", 0x80211001, 64) + bytes(56) + wifi_frame(unit)


def _nflog(order):
    """Packet header, outgoing interface, an empty prefix, the packet."""

    def attribute(kind, value):
        padding = bytes(-len(value) % 4)
        return struct.pack(order + "HH", 4 + len(value), kind) + value + padding

    def frame(unit):
        head = struct.pack("!BBH", 2 if unit.ethertype == IPV4 else 10, 0, 5)
        head += attribute(1, struct.pack("!HBx", unit.ethertype, 3))
        head += attribute(5, struct.pack("!I", 3)) + attribute(10, b"\0")
        return head + attribute(9, unit.data)

    return frame


def _pktap(unit):
    fields = bytes(24) + struct.pack("<IIIIII", 0, 2, 14, 0, 0, 0) + bytes(60)
    return struct.pack("<III", 12 + len(fields), 1, 1) + fields + ethernet_frame(unit)


def _llc(unit):
    """IEEE 802.3: a length in the ethertype's place, then LLC and SNAP. Longer frames cannot be."""
    body = SNAP + struct.pack("!H", unit.ethertype) + unit.data
    if len(body) > MOST_IEEE8023:
        return ethernet_frame(unit)
    return macs(unit) + struct.pack("!H", len(body)) + body


def _fddi(unit):
    return b"\x50" + macs(unit) + SNAP + struct.pack("!H", unit.ethertype) + unit.data


def _cisco_metadata(unit):
    """Ethertype 0x8909: a security group tag before the ethertype that counts."""
    tag = bytes.fromhex("0101" "0001" "0007")
    return macs(unit) + b"\x89\x09" + tag + struct.pack("!H", unit.ethertype) + unit.data


def _padded(size, filler):
    """At least `size` bytes, the rest filled: what an Ethernet card adds, or leaves over."""

    def frame(unit):
        whole = ethernet_frame(unit)
        return whole + filler * max(size - len(whole), 0)

    return frame


def _with_trailer(unit):
    return ethernet_frame(unit) + b"\x16\x03\x01trailer"


def _ppp_bare(unit):
    return struct.pack("!H", ppp_protocol(unit)) + unit.data


def _ppp_short(unit):
    return bytes([ppp_protocol(unit)]) + unit.data


def _ppp_direction(unit):
    """A byte that tells the direction before the frame."""
    return bytes([unit.from_client]) + ppp_frame(unit)


def _pppd(unit):
    """The direction in the address byte's place."""
    return bytes([unit.from_client, 0x03]) + struct.pack("!H", ppp_protocol(unit)) + unit.data


def _mpls_bare(unit):
    (inside,) = mpls(5, 6)(unit)
    return inside.data


def _hdlc(unit):
    return struct.pack("!BBH", 0x0F, 0, unit.ethertype) + unit.data


def _plain(unit):
    return unit.data


LINKS = {
    "ethernet": Link(1, ethernet_frame, False),
    "ethernet padded": Link(1, _padded(60, b"\0"), False),
    "ethernet padded with leftovers": Link(1, _padded(74, b"\x17"), False),
    "ethernet with a trailer": Link(1, _with_trailer, False),
    "ethernet, llc": Link(1, _llc),
    "ethernet, cisco metadata": Link(1, _cisco_metadata),
    "fddi": Link(10, _fddi),
    "raw": Link(101, _plain),
    "raw bsd": Link(12, _plain),
    "ipv4 or ipv6": Link(0, _plain),  # 228 or 229 as the packet is
    "null little-endian": Link(0, _null("<")),
    "null big-endian": Link(0, _null(">")),
    "loop": Link(108, _null(">")),
    "ppp": Link(9, ppp_frame),
    "ppp without address": Link(9, _ppp_bare),
    "ppp with a short protocol": Link(9, _ppp_short),
    "ppp hdlc": Link(50, ppp_frame),
    "ppp with a direction": Link(204, _ppp_direction),
    "pppd": Link(166, _pppd),
    "mpls": Link(219, _mpls_bare),
    "cisco hdlc": Link(104, _hdlc),
    "sll": Link(113, _cooked, False),
    "sll2": Link(276, _cooked_2, False),
    "802.11": Link(105, wifi_frame),
    "radiotap": Link(127, _radiotap()),
    "radiotap, qos": Link(127, _radiotap(has_qos=True)),
    "radiotap, four addresses": Link(127, _radiotap(is_wds=True)),
    "radiotap, checksum": Link(127, _radiotap(has_checksum=True)),
    "radiotap, long header": Link(127, _radiotap_long),
    "ppi": Link(192, _ppi),
    "prism": Link(119, _prism),
    "avs": Link(163, _avs),
    "nflog": Link(239, _nflog("<")),
    "nflog big-endian": Link(239, _nflog(">")),
    "pktap": Link(258, _pktap, False),
}
LINK_IPV4, LINK_IPV6 = 228, 229


def link_number(name, unit):
    if name == "ipv4 or ipv6":
        return LINK_IPV4 if unit.ethertype == IPV4 else LINK_IPV6
    return LINKS[name].number
