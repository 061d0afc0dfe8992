"""encapsulations.py - the ways in which a connection reaches a tap, each with a name.

An Encapsulation says what is around the connection's packets (outermost first), on which link type,
and of which IP version the inner packets must be (None: both are tried).
"""

from dataclasses import dataclass

import layers
import tunnels
from layers import ethernet, fragments, mpls, pppoe, vlan
from links import LINKS
from tunnels import capwap, erspan, geneve, gre, gtp_u, ip_in_ip, l2tp, pptp, teredo, vxlan, vxlan_gpe

MOST_TUNNELS = 4  # PACKET_MAX_TUNNELS: nested deeper, a packet is not read


@dataclass(frozen=True)
class Encapsulation:
    around: tuple = ()
    link: str = "ethernet"
    version: int | None = None


def _links():
    return {f"link: {name}": Encapsulation(link=name) for name in LINKS}


def _of(*around, version=None):
    return Encapsulation(tuple(around), version=version)


TAGS = {
    "vlan": _of(vlan(100)),
    "vlan of a provider": _of(vlan(100, layers.SERVICE_VLAN)),
    "qinq": _of(vlan(200, layers.SERVICE_VLAN), vlan(100)),
    "qinq with the old type": _of(vlan(200, 0x9100), vlan(100)),
    "three vlans": _of(vlan(300, layers.SERVICE_VLAN), vlan(200), vlan(100)),
    "mpls, one label": _of(mpls(1000)),
    "mpls, two labels": _of(mpls(1000, 2000)),
    "mpls, three labels": _of(mpls(1000, 2000, 3000)),
    "mpls pseudowire": _of(mpls(1000, 2000, is_pseudowire=True)),
    "vlan, mpls": _of(vlan(100), mpls(1000)),
    "vn-tag": _of(layers.vn_tag),
    "e-tag, vlan": _of(layers.e_tag, vlan(100)),
    "backbone bridge": _of(vlan(100, layers.SERVICE_VLAN), layers.backbone(4711)),
    "service chain": _of(layers.service_chain),
    "service chain, ethernet": _of(layers.service_chain, ethernet),
    "pppoe": _of(pppoe(0x1234)),
    "vlan, pppoe": _of(vlan(7), pppoe(0x1234)),
    "qinq, pppoe": _of(vlan(8, layers.SERVICE_VLAN), vlan(7), pppoe(0x1234)),
}

TUNNELS = {
    "4in4": _of(ip_in_ip(4), version=4),
    "6in4": _of(ip_in_ip(4), version=6),
    "4in6": _of(ip_in_ip(6), version=4),
    "6in6": _of(ip_in_ip(6), version=6),
    "gre": _of(gre()),
    "gre over ipv6": _of(gre(6)),
    "gre, key": _of(gre(key=0xABCD)),
    "gre, checksum": _of(gre(checksum=True)),
    "gre, sequence": _of(gre(sequence=True)),
    "gre, all": _of(gre(key=0xABCD, checksum=True, sequence=True)),
    "gre, ethernet": _of(gre(), ethernet),
    "gre, ethernet, vlan": _of(gre(key=5), ethernet, vlan(33)),
    "gre, mpls": _of(gre(), mpls(77)),
    "pptp": _of(pptp(4711)),
    "erspan 1": _of(erspan(1)),
    "erspan 2": _of(erspan(2)),
    "erspan 3": _of(erspan(3)),
    "erspan 3 with subheader": _of(erspan(3, has_subheader=True)),
    "erspan 2, vlan": _of(erspan(2), ethernet, vlan(12)),
    "vxlan": _of(vxlan(5001)),
    "vxlan over ipv6": _of(vxlan(5001, 6)),
    "vxlan, vlan": _of(vxlan(5001), ethernet, vlan(12)),
    "vxlan, old port": _of(vxlan(5001, port=8472)),
    "vxlan gpe, ethernet": _of(vxlan_gpe(5002), ethernet),
    "vxlan gpe, ip": _of(vxlan_gpe(5002)),
    "geneve": _of(geneve(6001), ethernet),
    "geneve over ipv6": _of(geneve(6001, version=6), ethernet),
    "geneve with options": _of(geneve(6001, tunnels.GENEVE_OPTIONS), ethernet),
    "geneve, ip": _of(geneve(6001)),
    "geneve with options, ip": _of(geneve(6001, tunnels.GENEVE_OPTIONS)),
    "gtp-u": _of(gtp_u(0x01020304)),
    "gtp-u, sequence": _of(gtp_u(0x01020304, has_sequence=True)),
    "gtp-u, one extension": _of(gtp_u(0x01020304, tunnels.GTP_ONE_EXTENSION)),
    "gtp-u, two extensions": _of(gtp_u(0x01020304, tunnels.GTP_TWO_EXTENSIONS, True)),
    "capwap, 802.3": _of(capwap("802.3")),
    "capwap, 802.11": _of(capwap("802.11")),
    "capwap, 802.11 swapped": _of(capwap("802.11 swapped")),
    "l2tp": _of(l2tp(3, 9)),
    "l2tp, length and sequence": _of(l2tp(3, 9, True, True)),
    "teredo": _of(teredo(), version=6),
    "teredo with indications": _of(teredo(True), version=6),
}

NESTS = {
    "vlan, gre": _of(vlan(9), gre()),
    "vxlan, gre": _of(vxlan(1), ethernet, gre()),
    "gre, vxlan": _of(gre(), vxlan(2)),
    "erspan 2, vxlan": _of(erspan(2), ethernet, vxlan(3)),
    "erspan 3, qinq, mpls": _of(erspan(3), ethernet, vlan(5, layers.SERVICE_VLAN), vlan(6), mpls(9)),
    "pppoe, 6in4": _of(pppoe(3), ip_in_ip(4), version=6),
    "gtp-u, 4in6": _of(gtp_u(9), ip_in_ip(6), version=4),
    "vxlan, teredo": _of(vxlan(4), ethernet, teredo(), version=6),
    "mpls, gre, ethernet, pppoe": _of(mpls(3), gre(), ethernet, pppoe(44)),
    "geneve, vxlan, gre": _of(geneve(5), ethernet, vxlan(6), ethernet, gre(key=7)),
    "vxlan, gtp-u, 6in4": _of(vxlan(7), ethernet, gtp_u(8), ip_in_ip(4), version=6),
    "gre, gre, gre": _of(gre(key=1), gre(key=2), gre(key=3)),
    "four deep": _of(vxlan(7), ethernet, gtp_u(8), gre(), ip_in_ip(4), version=6),
    "capwap, 802.11, gre": _of(capwap("802.11"), gre()),
}

IP = {
    "ipv4 options": _of(layers.ipv4_options, version=4),
    "ipv4 length of zero": _of(layers.ipv4_length_zero, version=4),
    "ipv6 extension headers": _of(layers.ipv6_extensions, version=6),
    "ipv6 atomic fragments": _of(layers.ipv6_atomic_fragment, version=6),
    "vxlan over ipv4 options": _of(layers.ipv4_options, vxlan(1)),
    "gre over ipv6 extension headers": _of(layers.ipv6_extensions, gre(6)),
    "ipv6 extension headers in vxlan": _of(vxlan(1), ethernet, layers.ipv6_extensions, version=6),
}


def fragments_table():
    """Fragments of the packet itself, of the tunnel's outer packet, of the inner one, of both."""
    made = {}
    for order in ("forward", "backward", "twice", "again", "overlapping"):
        cut = fragments(64, order)
        version = 4 if order == "overlapping" else None  # RFC 5722 forbids it in IPv6
        made[f"fragments, {order}"] = _of(cut, version=version)
        made[f"fragments around vxlan, {order}"] = _of(cut, vxlan(1))
        made[f"fragments inside of vxlan, {order}"] = _of(vxlan(1), ethernet, cut, version=version)
    made["fragments of 8 bytes"] = _of(fragments(8))
    made["fragments around gre over ipv6"] = _of(fragments(128), gre(6))
    made["fragments around ipip"] = _of(fragments(96), ip_in_ip(4))
    made["fragments around gre, fragments in it"] = _of(fragments(200, "backward"), gre(), fragments(64))
    made["fragments around two tunnels, each"] = _of(
        fragments(400), vxlan(1), ethernet, fragments(256), gre(), fragments(128)
    )
    made["vlan, fragments"] = _of(vlan(10), fragments(128))
    return made


ENCAPSULATIONS = {**_links(), **TAGS, **TUNNELS, **NESTS, **IP, **fragments_table()}

# One tunnel more than is read: nothing may be found.
TOO_DEEP = {
    "gre, five deep": _of(*[gre(key=n) for n in range(1, MOST_TUNNELS + 2)]),
    "mixed, five deep": _of(vxlan(7), ethernet, gtp_u(8), gre(), ip_in_ip(4), ip_in_ip(6), version=6),
}
