"""tunnels.py - a packet inside of other packets: IP in IP, GRE and its kin, tunnels over UDP.

Layers like those of layers.py. The ports of a tunnel are those of the client's packets.

Sources: RFC 2003, 2473, 4213 (IP in IP), 2784, 2890 (GRE), 2637 (PPTP's GRE), 7348 (VXLAN), 8926
(GENEVE), 5415 and 5416 (CAPWAP), 4380 (Teredo), 2661 (L2TP), draft-ietf-nvo3-vxlan-gpe,
draft-foschiano-erspan, 3GPP TS 29.281 (GTP-U).
"""

import struct
from dataclasses import replace

from layers import ETHERNET, IPV4, IPV6, MPLS, PROTOCOL_GRE, PROTOCOL_IPV4, PROTOCOL_IPV6
from layers import ethernet_frame, in_ip, in_udp, ppp_frame, ppp_protocol, wifi_frame
from packets import internet_checksum

ERSPAN_2, ERSPAN_3, PPP_IN_GRE = 0x88BE, 0x22EB, 0x880B


def ip_in_ip(version):
    """Version of the outer packet."""

    def layer(unit):
        protocol = PROTOCOL_IPV4 if unit.ethertype == IPV4 else PROTOCOL_IPV6
        return in_ip(version, protocol, unit.data, unit, type="ipip")

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
        return in_ip(version, PROTOCOL_GRE, body, unit, type="gre", id=key or 0)

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
        return in_ip(4, PROTOCOL_GRE, head + ppp, unit, type="gre", id=call)

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
        return in_ip(4, PROTOCOL_GRE, body, unit, type="erspan", id=0 if kind == 1 else session)

    return layer


def vxlan(vni, version=4, port=4789):
    def layer(unit):
        head = struct.pack("!II", 0x08 << 24, vni << 8)
        ports = (50000 + vni % 1000, port)
        body = head + ethernet_frame(unit)
        return in_udp(version, ports, body, unit, False, type="vxlan", id=vni)

    return layer


GENEVE_OPTIONS = bytes.fromhex("0102" "80" "01" "cafecafe" "0103" "01" "02" + "11" * 8)


VXLAN_NEXT = {IPV4: 1, IPV6: 2, ETHERNET: 3, MPLS: 5}


def vxlan_gpe(vni):
    """Carries what it is given, and says what that is."""

    def layer(unit):
        head = struct.pack("!BHBI", 0x0C, 0, VXLAN_NEXT[unit.ethertype], vni << 8)
        ports = (50000 + vni % 1000, 4790)
        return in_udp(4, ports, head + unit.data, unit, False, type="vxlan", id=vni)

    return layer


def geneve(vni, options=b"", version=4):
    """Carries what it is given: Ethernet, or IP directly."""

    def layer(unit):
        head = struct.pack("!BBHI", len(options) // 4, 0, unit.ethertype, vni << 8)
        body = head + options + unit.data
        ports = (51000 + vni % 1000, 6081)
        return in_udp(version, ports, body, unit, True, type="geneve", id=vni)

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
        return in_udp(4, (2152, 2152), head + body, unit, type="gtp-u", id=teid)

    return layer


GTP_ONE_EXTENSION = bytes.fromhex("01100900")  # PDU session container, none after it
GTP_TWO_EXTENSIONS = bytes.fromhex("01100920" "01000000")  # then a service class indicator


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
        result = in_udp(4, ports, head + frame, unit, type="capwap")
        return [_with_client_ports(one, (52470, 5247)) for one in result]

    return layer


def l2tp(tunnel, session, has_length=False, has_sequence=False):
    """Version 2, with PPP."""

    def layer(unit):
        ppp = ppp_frame(unit)
        ids = struct.pack("!HH", tunnel, session)
        numbers = struct.pack("!HH", unit.number, 0) if has_sequence else b""
        size = 2 + 2 * has_length + len(ids) + len(numbers) + len(ppp)
        head = struct.pack("!H", 0x0002 | has_length << 14 | has_sequence << 11)
        head += struct.pack("!H", size) if has_length else b""
        body = head + ids + numbers + ppp
        return in_udp(4, (1701, 1701), body, unit, type="l2tp", id=tunnel << 16 | session)

    return layer


def teredo(with_indications=False):
    """IPv6 in UDP, with an authentication and an origin indication before it where asked."""

    def layer(unit):
        head = b""
        if with_indications:
            head = bytes.fromhex("0001" "0000") + bytes(8) + b"\0"  # no id, no value, nonce, confirmation
            head += bytes.fromhex("0000" "9c40" "3c3c3c3c")  # port and address, obfuscated
        ports = (40000, 3544) if unit.from_client else (3544, 40000)
        result = in_udp(4, ports, head + unit.data, unit, type="teredo")
        return [_with_client_ports(one, (40000, 3544)) for one in result]

    return layer


def _with_client_ports(unit, ports):
    """The outermost tunnel named by the ports of the client's packets."""
    named = replace(unit.tunnels[0], source_port=ports[0], destination_port=ports[1])
    return replace(unit, tunnels=(named,) + unit.tunnels[1:])
