"""layers.py - headers around a packet: IP and its fragments, Ethernet and its tags, PPP, 802.11.

What is wrapped is a Unit: bytes behind an ethertype (an IP packet, a whole Ethernet frame, a tagged
one ...). A layer is a function that puts one more header around a Unit and gives a list of Units
(more than one where it cuts to fragments). wrap() runs several; tunnels.py has more of them, and
links.py makes the last step to the bytes of a captured frame. Units remember which tunnels and VLANs
are around them, as the sensor must name them.

Sources: RFC 791, 8200 (IP), 3032 (MPLS), 4448 (Ethernet over MPLS), 2516 (PPPoE), IEEE 802.1Q and
802.11.
"""

import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address

from packets import internet_checksum

IPV4, IPV6, ETHERNET = 0x0800, 0x86DD, 0x6558  # ETHERNET: "transparent Ethernet bridging"
VLAN, SERVICE_VLAN, MPLS, PPPOE = 0x8100, 0x88A8, 0x8847, 0x8864
VN_TAG, E_TAG, I_TAG, NSH = 0x8926, 0x893F, 0x88E7, 0x894F
PROTOCOL_IPV4, PROTOCOL_UDP, PROTOCOL_IPV6, PROTOCOL_GRE = 4, 17, 41, 47
PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING, PROTOCOL_FRAGMENT, PROTOCOL_DESTINATION = 0, 43, 44, 60
PPP_IPV4, PPP_IPV6 = 0x0021, 0x0057
CLIENT_MAC, SERVER_MAC = bytes.fromhex("020000000a01"), bytes.fromhex("020000000a02")
AP_MAC = bytes.fromhex("020000000a03")


@dataclass(frozen=True)
class Unit:
    """`number` is the packet's in its capture: sequence numbers and identifications come of it.
    `site` tells tunnels of one capture apart: each has ends of its own."""

    ethertype: int
    data: bytes
    from_client: bool = True
    number: int = 1
    site: int = 0
    tunnels: tuple = ()  # of Tunnel, outermost first
    vlans: tuple = ()  # outside of all tunnels, outermost first

    def within(self, ethertype, data, **fields):
        return replace(self, ethertype=ethertype, data=data, **fields)


@dataclass(frozen=True)
class Tunnel:
    """As the sensor must name it; source and destination as the client's packets have them."""

    type: str
    id: int = 0
    source: str = ""
    destination: str = ""
    source_port: int = 0
    destination_port: int = 0
    protocol: str = ""  # of the outer packet; "" where there is none (PPPoE)


PROTOCOL_NAMES = {
    PROTOCOL_IPV4: "IPv4",
    PROTOCOL_UDP: "UDP",
    PROTOCOL_IPV6: "IPv6",
    PROTOCOL_GRE: "GRE",
}


def unit_of(packet, from_client=True, number=1, site=0):
    """An IP packet."""
    return Unit(IPV6 if packet[0] >> 4 == 6 else IPV4, packet, from_client, number, site)


def wrap(unit, layers):
    """`layers` outermost first, as in the name of an encapsulation."""
    units = [unit]
    for layer in reversed(layers):
        units = [wrapped for one in units for wrapped in layer(one)]
    return units


# ---- IP -----------------------------------------------------------------------------------------


def ipv4(source, destination, protocol, body, identification, options=b"", fragment=0):
    """`fragment`: flags and offset as they stand in the header."""
    words = 5 + len(options) // 4
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | words,
        0,
        words * 4 + len(body),
        identification & 0xFFFF,
        fragment,
        61,
        protocol,
        0,
        source,
        destination,
    )
    header += options
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + body


def ipv6(source, destination, protocol, body):
    return struct.pack("!IHBB", 6 << 28, len(body), protocol, 61) + source + destination + body


def _ends(version, unit):
    """The addresses of a tunnel's two ends: others for each tunnel around the unit."""
    depth = len(unit.tunnels)
    if version == 4:
        block = f"172.{16 + (unit.site >> 8)}.{unit.site & 255}"
        near, far = (f"{block}.{2 * depth + end}" for end in (1, 2))
    else:
        block = f"2001:db8:ff:{depth + 1}::{unit.site + 1:x}"
        near, far = (f"{block}:{end}" for end in (1, 2))
    return (near, far) if unit.from_client else (far, near)


def in_ip(version, protocol, body, unit, **tunnel):
    """An IP packet between a tunnel's ends, and the Tunnel as its client side sees it."""
    source, destination = _ends(version, unit)
    packed = ip_address(source).packed, ip_address(destination).packed
    if version == 4:
        data = ipv4(*packed, protocol, body, 1000 * (1 + len(unit.tunnels)) + unit.number)
    else:
        data = ipv6(*packed, protocol, body)
    if not unit.from_client:
        source, destination = destination, source
    named = Tunnel(
        source=source, destination=destination, protocol=PROTOCOL_NAMES[protocol], **tunnel
    )
    ethertype = IPV4 if version == 4 else IPV6
    return [unit.within(ethertype, data, tunnels=(named,) + unit.tunnels, vlans=())]


def in_udp(version, ports, body, unit, has_checksum=True, **tunnel):
    """`ports` of the client's packets; symmetric tunnels have the well-known one at both ends or as
    destination in both directions, which the caller decides."""
    source_port, destination_port = ports
    size = 8 + len(body)
    datagram = struct.pack("!HHHH", source_port, destination_port, size, 0) + body
    if has_checksum:
        ends = b"".join(ip_address(end).packed for end in _ends(version, unit))
        pseudo = ends + struct.pack("!II", size, PROTOCOL_UDP)
        checksum = internet_checksum(pseudo + datagram) or 0xFFFF
        datagram = datagram[:6] + struct.pack("!H", checksum) + datagram[8:]
    return in_ip(
        version,
        PROTOCOL_UDP,
        datagram,
        unit,
        source_port=source_port,
        destination_port=destination_port,
        **tunnel,
    )


def ipv4_options(unit):
    """Router alert, a no-op, a stream identifier nobody knows any more, end of list."""
    options = bytes.fromhex("94040000" "01" "88040102" "000000")
    return [unit.within(IPV4, _with_options(unit.data, options))]


def _with_options(packet, options):
    _, _, _, identification, fragment, _, protocol, _, source, destination = struct.unpack_from(
        "!BBHHHBBH4s4s", packet
    )
    return ipv4(source, destination, protocol, packet[20:], identification, options, fragment)


def ipv4_length_zero(unit):
    """A segment that the network card was still to split: its IP packet says no length."""
    return [unit.within(IPV4, unit.data[:2] + b"\0\0" + unit.data[4:])]


def ipv6_extensions(unit):
    """Hop-by-hop options, destination options, a routing header that is used up, destination
    options once more."""
    source, destination = unit.data[8:24], unit.data[24:40]
    chain = (
        (PROTOCOL_HOP_BY_HOP, bytes.fromhex("050200000100")),  # router alert, PadN
        (PROTOCOL_DESTINATION, bytes.fromhex("010c") + bytes(12)),
        (PROTOCOL_ROUTING, bytes.fromhex("020000000000") + bytes(16)),
        (PROTOCOL_DESTINATION, bytes.fromhex("010400000000")),
    )
    body, protocol = unit.data[40:], unit.data[6]
    for number, rest in reversed(chain):
        body = bytes([protocol, (len(rest) + 2) // 8 - 1]) + rest + body
        protocol = number
    return [unit.within(IPV6, ipv6(source, destination, protocol, body))]


def ipv6_atomic_fragment(unit):
    """RFC 6946: a fragment header around a packet that is whole."""
    return [unit.within(IPV6, piece) for piece in _fragments_ipv6(unit, 1 << 16, always=True)]


def fragments(size, order="forward"):
    """Cuts IP packets to pieces of at most `size` bytes of payload, a multiple of 8. order: forward,
    backward, twice (each piece comes again at once), again (the row comes again), overlapping
    (pieces share 8 bytes with the one before)."""

    def layer(unit):
        overlap = 8 if order == "overlapping" else 0
        cut = _fragments_ipv4 if unit.ethertype == IPV4 else _fragments_ipv6
        pieces = cut(unit, size, overlap=overlap)
        if order == "backward":
            pieces = pieces[::-1]
        elif order == "twice":
            pieces = [piece for piece in pieces for _ in range(2)]
        elif order == "again":
            pieces = pieces * 2
        return [unit.within(unit.ethertype, piece) for piece in pieces]

    return layer


def _spans(total, size, overlap=0):
    """(offset, end, is last) of each piece; `overlap` bytes of the one before come again."""
    for offset in range(0, total, size):
        yield max(offset - overlap, 0), min(offset + size, total), offset + size >= total


def _fragments_ipv4(unit, size, overlap=0):
    header_size = (unit.data[0] & 15) * 4
    body = unit.data[header_size:]
    if len(body) <= size:
        return [unit.data]
    identification, protocol = struct.unpack_from("!H", unit.data, 4)[0], unit.data[9]
    source, destination = unit.data[12:16], unit.data[16:20]
    return [
        ipv4(
            source,
            destination,
            protocol,
            body[start:end],
            identification,
            fragment=start // 8 | (0 if is_last else 0x2000),
        )
        for start, end, is_last in _spans(len(body), size, overlap)
    ]


def _fragments_ipv6(unit, size, overlap=0, always=False):
    body, protocol = unit.data[40:], unit.data[6]
    if len(body) <= size and not always:
        return [unit.data]
    source, destination = unit.data[8:24], unit.data[24:40]
    identification = 0x10000 + unit.number
    return [
        ipv6(
            source,
            destination,
            PROTOCOL_FRAGMENT,
            struct.pack("!BBHI", protocol, 0, start | (not is_last), identification)
            + body[start:end],
        )
        for start, end, is_last in _spans(len(body), size, overlap)
    ]


# ---- Ethernet and what stands in its place ------------------------------------------------------


def macs(unit):
    return SERVER_MAC + CLIENT_MAC if unit.from_client else CLIENT_MAC + SERVER_MAC


def ethernet_frame(unit):
    """The unit as an Ethernet frame's bytes; a unit that is a frame already stays one."""
    if unit.ethertype == ETHERNET:
        return unit.data
    return macs(unit) + struct.pack("!H", unit.ethertype) + unit.data


def ethernet(unit):
    return [unit.within(ETHERNET, ethernet_frame(unit))]


def vlan(number, ethertype=VLAN):
    def layer(unit):
        tag = struct.pack("!HH", 3 << 13 | number, unit.ethertype)
        return [unit.within(ethertype, tag + unit.data, vlans=(number,) + unit.vlans)]

    return layer


def mpls(*labels, is_pseudowire=False):
    """Labels outermost first. With is_pseudowire the payload is an Ethernet frame behind a control
    word (RFC 4448)."""

    def layer(unit):
        data = unit.data
        if is_pseudowire:
            data = bytes(4) + ethernet_frame(unit)
        for label in reversed(labels):
            is_bottom = label == labels[-1]
            data = struct.pack("!I", label << 12 | is_bottom << 8 | 64) + data
        return [unit.within(MPLS, data)]

    return layer


def vn_tag(unit):
    return [unit.within(VN_TAG, struct.pack("!IH", 0x00010002, unit.ethertype) + unit.data)]


def e_tag(unit):
    tag = struct.pack("!HHHH", 3 << 13, 0x0FFF, 0, unit.ethertype)
    return [unit.within(E_TAG, tag + unit.data)]


def backbone(instance):
    """A provider's backbone bridge: the customer's frame behind a service instance tag."""

    def layer(unit):
        return [unit.within(I_TAG, struct.pack("!I", 3 << 29 | instance) + ethernet_frame(unit))]

    return layer


NSH_NEXT = {IPV4: 1, IPV6: 2, ETHERNET: 3, MPLS: 5}


def service_chain(unit):
    """RFC 8300, without metadata."""
    head = struct.pack("!BBBBI", 0x0F, 0xC0 | 2, 2, NSH_NEXT[unit.ethertype], 42 << 8 | 255)
    return [unit.within(NSH, head + unit.data)]


def ppp_protocol(unit):
    return PPP_IPV4 if unit.ethertype == IPV4 else PPP_IPV6


def pppoe(session):
    def layer(unit):
        size = 2 + len(unit.data)
        head = struct.pack("!BBHHH", 0x11, 0, session, size, ppp_protocol(unit))
        tunnels = (Tunnel("pppoe", session),) + unit.tunnels
        return [unit.within(PPPOE, head + unit.data, tunnels=tunnels)]

    return layer


def ppp_frame(unit):
    return struct.pack("!BBH", 0xFF, 0x03, ppp_protocol(unit)) + unit.data


SNAP = bytes.fromhex("aaaa03000000")  # LLC, then the ethertype


def wifi_frame(unit, has_qos=False, is_wds=False):
    """An 802.11 data frame with the unit behind LLC/SNAP. To the access point when the client sends,
    from it when the server does; `is_wds`: four addresses, between access points."""
    if is_wds:
        direction, addresses = 3, (AP_MAC, AP_MAC, macs(unit)[:6])
    elif unit.from_client:
        direction, addresses = 1, (AP_MAC, CLIENT_MAC, SERVER_MAC)
    else:
        direction, addresses = 2, (CLIENT_MAC, AP_MAC, SERVER_MAC)
    head = bytes([0x88 if has_qos else 0x08, direction]) + bytes(2) + b"".join(addresses)
    head += struct.pack("<H", unit.number << 4 & 0xFFFF)
    head += macs(unit)[6:] if is_wds else b""
    head += bytes(2) if has_qos else b""
    return head + SNAP + struct.pack("!H", unit.ethertype) + unit.data
