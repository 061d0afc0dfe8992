"""connections.py - captures taken apart to their connections, each to be put on a wire of its own.

Reads what a plain sensor sees: IP (no fragments, no extension headers) with TCP or UDP on the usual
link types, VLAN tags left out. Anything else of a capture is passed over.
"""

import struct
from dataclasses import dataclass, field, replace

from capture_file import read
from packets import internet_checksum

ETHERNET, RAW_BSD, RAW, COOKED, COOKED_2 = 1, 12, 101, 113, 276
IPV4, IPV6 = 0x0800, 0x86DD
TAGS = {0x8100, 0x88A8, 0x9100}
TCP, UDP = 6, 17
TLS_PORT = 443
TUNNEL_PORTS = {1701, 2152, 3544, 4789, 4790, 5247, 6081, 8472}
CLIENT_HELLO_RECORD = b"\x16\x03"
CHECKSUM_AT = {TCP: 16, UDP: 6}  # in the transport header
MOST_PACKETS = 60
LONGEST_PAUSE_NS = 200_000_000
MOST_CONNECTIONS = 20  # of a capture, so that a few large ones do not outnumber all others
NO_FRAGMENT = 0xBFFF  # flags and offset of IPv4 but for "don't fragment"


@dataclass
class Connection:
    """`packets` are (time in ns since the first, is from the first one's sender, IP packet)."""

    name: str  # capture, address and port of the first sender, port of the other end
    version: int
    protocol: int
    packets: list = field(default_factory=list)
    is_whole: bool = True  # no packet was cut by the capture


def _network_layer(record):
    """(ethertype, bytes) of a frame, or (0, b'')."""
    data = record.data
    if record.link in (RAW, RAW_BSD) and data:
        return (IPV6 if data[0] >> 4 == 6 else IPV4), data
    at = {ETHERNET: 12, COOKED: 14, COOKED_2: 0}.get(record.link)
    if at is None or len(data) < 24:
        return 0, b""
    ethertype = struct.unpack_from("!H", data, at)[0]
    at = 20 if record.link == COOKED_2 else at + 2
    while ethertype in TAGS and len(data) >= at + 4:
        ethertype = struct.unpack_from("!H", data, at + 2)[0]
        at += 4
    return ethertype, data[at:]


def _packet(record):
    """(version, protocol, header size, IP packet without what lies behind it, is whole) or None."""
    ethertype, data = _network_layer(record)
    if ethertype == IPV4 and len(data) >= 28 and data[0] >> 4 == 4:
        size, fragment = struct.unpack_from("!HxxH", data, 2)
        header, protocol = (data[0] & 15) * 4, data[9]
        if fragment & NO_FRAGMENT or header != 20:
            return None
        version = 4
    elif ethertype == IPV6 and len(data) >= 48 and data[0] >> 4 == 6:
        version, header, protocol = 6, 40, data[6]
        size = 40 + struct.unpack_from("!H", data, 4)[0]
    else:
        return None
    if protocol not in CHECKSUM_AT or size < header + 8:
        return None
    return version, protocol, header, data[:size], len(data) >= size


def _ends(version, header, data):
    size = 4 if version == 4 else 16
    addresses = data[header - 2 * size : header] if version == 6 else data[12:20]
    ports = struct.unpack_from("!HH", data, header)
    return (addresses[:size], ports[0]), (addresses[size:], ports[1])


def connections(name, data):
    """The connections of a capture, in the order of their first packets."""
    found = {}
    for record in read(data):
        parts = _packet(record)
        if parts is None:
            continue
        version, protocol, header, packet, is_whole = parts
        source, destination = _ends(version, header, packet)
        key = (protocol, *sorted((source, destination)))
        if key not in found:
            if len(found) == MOST_CONNECTIONS:
                continue
            address = ".".join(map(str, source[0])) if version == 4 else source[0].hex(":", 2)
            title = f"{name} {address}:{source[1]} > {destination[1]}"
            found[key] = (source, record.time_ns, [], Connection(title, version, protocol))
        first_sender, _, times, connection = found[key]
        if len(connection.packets) == MOST_PACKETS:
            continue
        connection.is_whole &= is_whole
        times.append(record.time_ns)
        pause = min(max(times[-1] - times[-2], 0), LONGEST_PAUSE_NS) if len(times) > 1 else 0
        time_ns = connection.packets[-1][0] + pause if connection.packets else 0
        connection.packets.append((time_ns, source == first_sender, packet))
    return [_on_its_port(entry[3]) for entry in found.values() if not _is_tunnel(entry[3])]


def _is_tunnel(connection):
    """A tunnel's packets hold connections of other addresses."""
    _, _, packet = connection.packets[0]
    ports = _ends(connection.version, 20 if connection.version == 4 else 40, packet)
    return connection.protocol == UDP and any(port in TUNNEL_PORTS for _, port in ports)


def _on_its_port(connection):
    """TLS from the first byte on goes to port 443: elsewhere tshark may leave it to the dissector of
    the port's usual protocol."""
    if not begins_with_tls(connection):
        return connection
    name = connection.name.rpartition(" ")[0] + f" {TLS_PORT}"
    return replace(on_port(connection, TLS_PORT), name=name)


def begins_with_tls(connection):
    """Does the first payload of a TCP connection begin with a TLS ClientHello?"""
    header = 20 if connection.version == 4 else 40
    for _, _, packet in connection.packets if connection.protocol == TCP else ():
        payload = packet[header + (packet[header + 12] >> 4) * 4 :]
        if payload:
            return payload[:2] == CLIENT_HELLO_RECORD and payload[5:6] == b"\x01"
    return False


def on_port(connection, port):
    """The connection with this port at its receiving end."""
    header = 20 if connection.version == 4 else 40
    number = port.to_bytes(2, "big")
    packets = [
        (
            time_ns,
            is_first,
            packet[: header + 2] + number + packet[header + 4 :]
            if is_first
            else packet[:header] + number + packet[header + 2 :],
        )
        for time_ns, is_first, packet in connection.packets
    ]
    return replace(connection, packets=packets)


def readdressed(connection, sender, receiver):
    """The connection's packets between other addresses (packed), checksums mended."""
    return [
        (time_ns, is_first, _with_addresses(connection, packet, *ends))
        for time_ns, is_first, packet in connection.packets
        for ends in [(sender, receiver) if is_first else (receiver, sender)]
    ]


def _with_addresses(connection, packet, source, destination):
    if connection.version == 4:
        header = packet[:10] + bytes(2) + source + destination
        header = header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:]
    else:
        header = packet[:8] + source + destination
    body = packet[len(header) :]
    at = CHECKSUM_AT[connection.protocol]
    if len(body) < at + 2 or (connection.protocol == UDP and body[at : at + 2] == bytes(2)):
        return header + body
    body = body[:at] + bytes(2) + body[at + 2 :]
    pseudo = source + destination + struct.pack("!II", len(body), connection.protocol)
    checksum = internet_checksum(pseudo + body) or 0xFFFF
    return header + body[:at] + struct.pack("!H", checksum) + body[at + 2 :]
