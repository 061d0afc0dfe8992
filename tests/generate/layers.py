"""layers.py - headers around a packet: link layers, tags, tunnels, fragments.

What is wrapped is a Unit: bytes behind an ethertype (an IP packet, a whole Ethernet frame, a tagged
one ...). A layer is a function that puts one more header around a Unit and gives a list of Units
(more than one where it cuts to fragments). wrap() runs several, and a link function makes the last
step to the bytes of a captured frame. Units remember which tunnels and VLANs are around them, as the
sensor must name them.

Sources: RFC 791, 8200 (IP), 2784, 2890 (GRE), 2637 (PPTP's GRE), 3032 (MPLS), 4448 (Ethernet over
MPLS), 2516 (PPPoE), 7348 (VXLAN), 8926 (GENEVE), 5415 and 5416 (CAPWAP), 4380 (Teredo), 3GPP TS
29.281 (GTP-U), draft-foschiano-erspan, IEEE 802.1Q and 802.11, https://www.radiotap.org,
https://www.tcpdump.org/linktypes.html.
"""

import struct
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from packets import internet_checksum

IPV4, IPV6, ETHERNET = 0x0800, 0x86DD, 0x6558  # ETHERNET: "transparent Ethernet bridging"
VLAN, SERVICE_VLAN, MPLS, PPPOE = 0x8100, 0x88A8, 0x8847, 0x8864
ERSPAN_2, ERSPAN_3, PPP_IN_GRE = 0x88BE, 0x22EB, 0x880B
PROTOCOL_IPV4, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_IPV6, PROTOCOL_GRE = 4, 6, 17, 41, 47
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


def _in_ip(version, protocol, body, unit, **tunnel):
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


def _in_udp(version, ports, body, unit, has_checksum=True, **tunnel):
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
    return _in_ip(
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


def _macs(unit):
    return SERVER_MAC + CLIENT_MAC if unit.from_client else CLIENT_MAC + SERVER_MAC


def ethernet_frame(unit):
    """The unit as an Ethernet frame's bytes; a unit that is a frame already stays one."""
    if unit.ethertype == ETHERNET:
        return unit.data
    return _macs(unit) + struct.pack("!H", unit.ethertype) + unit.data


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


def ppp_protocol(unit):
    return PPP_IPV4 if unit.ethertype == IPV4 else PPP_IPV6


def pppoe(session):
    def layer(unit):
        size = 2 + len(unit.data)
        head = struct.pack("!BBHHH", 0x11, 0, session, size, ppp_protocol(unit))
        tunnels = (Tunnel("pppoe", session),) + unit.tunnels
        return [unit.within(PPPOE, head + unit.data, tunnels=tunnels)]

    return layer


# ---- tunnels ------------------------------------------------------------------------------------


def ip_in_ip(version):
    """Version of the outer packet."""

    def layer(unit):
        protocol = PROTOCOL_IPV4 if unit.ethertype == IPV4 else PROTOCOL_IPV6
        return _in_ip(version, protocol, unit.data, unit, type="ipip")

    return layer


GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE = 0x8000, 0x2000, 0x1000


def _gre(ethertype, body, key=None, checksum=False, sequence=None):
    flags = checksum * GRE_CHECKSUM | (key is not None) * GRE_KEY
    flags |= (sequence is not None) * GRE_SEQUENCE
    data = struct.pack("!HH", flags, ethertype)
    data += bytes(4) if checksum else b""
    data += struct.pack("!I", key) if key is not None else b""
    data += struct.pack("!I", sequence) if sequence is not None else b""
    data += body
    if checksum:
        data = data[:4] + struct.pack("!H", internet_checksum(data)) + data[6:]
    return data


def gre(version=4, key=None, checksum=False, sequence=False):
    """Carries what it is given by its ethertype: IP, Ethernet (TEB), MPLS, VLAN tags."""

    def layer(unit):
        body = _gre(unit.ethertype, unit.data, key, checksum, unit.number if sequence else None)
        return _in_ip(version, PROTOCOL_GRE, body, unit, type="gre", id=key or 0)

    return layer


def pptp(call):
    """PPTP's GRE (version 1) with PPP; every packet carries a sequence number, every second one an
    acknowledgement too."""

    def layer(unit):
        has_ack = unit.number % 2 == 0
        ppp = struct.pack("!BBH", 0xFF, 0x03, ppp_protocol(unit)) + unit.data
        flags = 0x3001 | has_ack << 7
        head = struct.pack("!HHHHI", flags, PPP_IN_GRE, len(ppp), call, unit.number)
        head += struct.pack("!I", unit.number) if has_ack else b""
        return _in_ip(4, PROTOCOL_GRE, head + ppp, unit, type="gre", id=call)

    return layer


def erspan(kind, session=77, has_subheader=False):
    """Type I has no header of its own but GRE's, type II and III have; all carry Ethernet."""

    def layer(unit):
        frame = ethernet_frame(unit)
        if kind == 1:
            body = _gre(ERSPAN_2, frame)
        elif kind == 2:
            head = struct.pack("!II", 1 << 28 | 5 << 16 | session, 9)
            body = _gre(ERSPAN_2, head + frame, sequence=unit.number)
        else:
            head = struct.pack("!IIHH", 2 << 28 | 5 << 16 | session, unit.number, 0, has_subheader)
            head += bytes.fromhex("0c00000000000001") if has_subheader else b""
            body = _gre(ERSPAN_3, head + frame, sequence=unit.number)
        return _in_ip(4, PROTOCOL_GRE, body, unit, type="erspan", id=0 if kind == 1 else session)

    return layer


def vxlan(vni, version=4, port=4789):
    def layer(unit):
        head = struct.pack("!II", 0x08 << 24, vni << 8)
        ports = (50000 + vni % 1000, port)
        body = head + ethernet_frame(unit)
        return _in_udp(version, ports, body, unit, False, type="vxlan", id=vni)

    return layer


GENEVE_OPTIONS = bytes.fromhex("0102" "80" "01" "cafecafe" "0103" "01" "02" + "11" * 8)


VXLAN_NEXT = {IPV4: 1, IPV6: 2, ETHERNET: 3, MPLS: 5}


def vxlan_gpe(vni):
    """Carries what it is given, and says what that is."""

    def layer(unit):
        head = struct.pack("!BHBI", 0x0C, 0, VXLAN_NEXT[unit.ethertype], vni << 8)
        ports = (50000 + vni % 1000, 4790)
        return _in_udp(4, ports, head + unit.data, unit, False, type="vxlan", id=vni)

    return layer


def geneve(vni, options=b"", version=4):
    """Carries what it is given: Ethernet, or IP directly."""

    def layer(unit):
        head = struct.pack("!BBHI", len(options) // 4, 0, unit.ethertype, vni << 8)
        body = head + options + unit.data
        ports = (51000 + vni % 1000, 6081)
        return _in_udp(version, ports, body, unit, True, type="geneve", id=vni)

    return layer


def gtp_u(teid, extensions=b"", has_sequence=False):
    """`extensions`: the chain behind the optional fields, each header with its next type; the first
    is a PDU session container (0x85)."""

    def layer(unit):
        flags, optional = 0x30, b""
        if extensions or has_sequence:
            flags |= (0x04 if extensions else 0) | (0x02 if has_sequence else 0)
            first = 0x85 if extensions else 0
            optional = struct.pack("!HBB", unit.number if has_sequence else 0, 0, first)
        body = optional + extensions + unit.data
        head = struct.pack("!BBHI", flags, 0xFF, len(body), teid)
        return _in_udp(4, (2152, 2152), head + body, unit, type="gtp-u", id=teid)

    return layer


GTP_ONE_EXTENSION = bytes.fromhex("01100900")  # PDU session container, none after it
GTP_TWO_EXTENSIONS = bytes.fromhex("01100920" "01000000")  # then a service class indicator


MOST_IEEE8023 = 1500
SNAP = bytes.fromhex("aaaa03000000")  # LLC, then the ethertype


def wifi_frame(unit, has_qos=False, is_wds=False):
    """An 802.11 data frame with the unit behind LLC/SNAP. To the access point when the client sends,
    from it when the server does; `is_wds`: four addresses, between access points."""
    if is_wds:
        direction, addresses = 3, (AP_MAC, AP_MAC, _macs(unit)[:6])
    elif unit.from_client:
        direction, addresses = 1, (AP_MAC, CLIENT_MAC, SERVER_MAC)
    else:
        direction, addresses = 2, (CLIENT_MAC, AP_MAC, SERVER_MAC)
    head = bytes([0x88 if has_qos else 0x08, direction]) + bytes(2) + b"".join(addresses)
    head += struct.pack("<H", unit.number << 4 & 0xFFFF)
    head += _macs(unit)[6:] if is_wds else b""
    head += bytes(2) if has_qos else b""
    return head + SNAP + struct.pack("!H", unit.ethertype) + unit.data


def capwap(payload):
    """CAPWAP data: payload "802.3", "802.11", or "802.11 swapped", with the two bytes of Frame
    Control the other way round, as some access points send them."""

    def layer(unit):
        is_wifi = payload != "802.3"
        words = 4 if is_wifi else 2
        first = words << 19 | 1 << 14 | (1 << 9 if is_wifi else 0)  # HLEN, RID 1, WBID 1
        flags = 0x100 | 0x10 if is_wifi else 0  # T: native frame, M: radio MAC follows
        head = struct.pack("!II", first | flags, 0)
        head += bytes.fromhex("06" "020000000b01" "00") if is_wifi else b""
        frame = wifi_frame(unit) if is_wifi else ethernet_frame(unit)
        if payload == "802.11 swapped":
            frame = frame[1::-1] + frame[2:]
        ports = (5247, 52470) if not unit.from_client else (52470, 5247)
        result = _in_udp(4, ports, head + frame, unit, type="capwap")
        return [_with_client_ports(one, (52470, 5247)) for one in result]

    return layer


def l2tp(tunnel, session, has_length=False, has_sequence=False):
    """Version 2, with PPP."""

    def layer(unit):
        ppp = _ppp(unit)
        ids = struct.pack("!HH", tunnel, session)
        numbers = struct.pack("!HH", unit.number, 0) if has_sequence else b""
        size = 2 + 2 * has_length + len(ids) + len(numbers) + len(ppp)
        head = struct.pack("!H", 0x0002 | has_length << 14 | has_sequence << 11)
        head += struct.pack("!H", size) if has_length else b""
        body = head + ids + numbers + ppp
        return _in_udp(4, (1701, 1701), body, unit, type="l2tp", id=tunnel << 16 | session)

    return layer


def teredo(with_indications=False):
    """IPv6 in UDP, with an authentication and an origin indication before it where asked."""

    def layer(unit):
        head = b""
        if with_indications:
            head = bytes.fromhex("0001" "0000") + bytes(8) + b"\0"  # no id, no value, nonce, confirmation
            head += bytes.fromhex("0000" "9c40" "3c3c3c3c")  # port and address, obfuscated
        ports = (40000, 3544) if unit.from_client else (3544, 40000)
        result = _in_udp(4, ports, head + unit.data, unit, type="teredo")
        return [_with_client_ports(one, (40000, 3544)) for one in result]

    return layer


def _with_client_ports(unit, ports):
    """The outermost tunnel named by the ports of the client's packets."""
    named = replace(unit.tunnels[0], source_port=ports[0], destination_port=ports[1])
    return replace(unit, tunnels=(named,) + unit.tunnels[1:])


# ---- what a capture file holds ------------------------------------------------------------------


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


def _llc(unit):
    """IEEE 802.3: a length in the ethertype's place, then LLC and SNAP. Longer frames cannot be."""
    body = SNAP + struct.pack("!H", unit.ethertype) + unit.data
    if len(body) > MOST_IEEE8023:
        return ethernet_frame(unit)
    return _macs(unit) + struct.pack("!H", len(body)) + body


def _fddi(unit):
    return b"\x50" + _macs(unit) + SNAP + struct.pack("!H", unit.ethertype) + unit.data


def _cisco_metadata(unit):
    """Ethertype 0x8909: a security group tag before the ethertype that counts."""
    tag = bytes.fromhex("0101" "0001" "0007")
    return _macs(unit) + b"\x89\x09" + tag + struct.pack("!H", unit.ethertype) + unit.data


def _padded(size, filler):
    """At least `size` bytes, the rest filled: what an Ethernet card adds, or leaves over."""

    def frame(unit):
        whole = ethernet_frame(unit)
        return whole + filler * max(size - len(whole), 0)

    return frame


def _with_trailer(unit):
    return ethernet_frame(unit) + b"\x16\x03\x01trailer"


def _ppp(unit):
    return struct.pack("!BBH", 0xFF, 0x03, ppp_protocol(unit)) + unit.data


def _ppp_bare(unit):
    return struct.pack("!H", ppp_protocol(unit)) + unit.data


def _ppp_short(unit):
    return bytes([ppp_protocol(unit)]) + unit.data


def _ppp_direction(unit):
    """A byte that tells the direction before the frame."""
    return bytes([unit.from_client]) + _ppp(unit)


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
    "ppp": Link(9, _ppp),
    "ppp without address": Link(9, _ppp_bare),
    "ppp with a short protocol": Link(9, _ppp_short),
    "ppp hdlc": Link(50, _ppp),
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
}
LINK_IPV4, LINK_IPV6 = 228, 229


def link_number(name, unit):
    if name == "ipv4 or ipv6":
        return LINK_IPV4 if unit.ethertype == IPV4 else LINK_IPV6
    return LINKS[name].number
