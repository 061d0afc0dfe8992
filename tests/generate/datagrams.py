"""datagrams.py - one UDP conversation as a list of datagrams, and what networks and taps do to it.

A Datagram has what talk.py's functions ask of a Step (time, sender, packet), so it is wrapped and
written by them. Damages are functions from datagrams to datagrams, as those of damages.py are:
HARMLESS ones leave the record as it is, after HARMFUL ones it must not be clean.
"""

import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import capture_file
import connections
import damages
import layers
from packets import internet_checksum
from talk import CLIENT_IPV6, SERVER_IPV6, SERVER_PORT

UDP_HEADER_SIZE = 8
QUIC_LONG, QUIC_INITIAL, QUIC_RETRY = 0x80, 0, 3
QUIC_TYPES_MOVED = {0x709A50C4, 0x6B3343CF}  # version 2 counts packet types from 1
DTLS_HANDSHAKE, DTLS_RECORD_HEADER, DTLS_MESSAGE_HEADER = 22, 13, 12


@dataclass(frozen=True)
class Datagram:
    time_us: int
    from_client: bool
    client: bytes  # packed addresses
    server: bytes
    client_port: int
    identification: int
    payload: bytes

    def later(self, time_us):
        return replace(self, time_us=self.time_us + time_us)

    def packet(self):
        """The IP packet."""
        ends, ports = (self.client, self.server), (self.client_port, SERVER_PORT)
        if not self.from_client:
            ends, ports = ends[::-1], ports[::-1]
        size = UDP_HEADER_SIZE + len(self.payload)
        pseudo = b"".join(ends) + struct.pack("!II", size, layers.PROTOCOL_UDP)
        head = struct.pack("!HHH", *ports, size)
        checksum = internet_checksum(pseudo + head + bytes(2) + self.payload) or 0xFFFF
        body = head + struct.pack("!H", checksum) + self.payload
        if len(self.client) == 4:
            return layers.ipv4(*ends, layers.PROTOCOL_UDP, body, self.identification)
        return layers.ipv6(*ends, layers.PROTOCOL_UDP, body)


def load(path):
    """The datagrams of a capture that holds one UDP conversation, on the server's port 443."""
    start_us = capture_file.read(Path(path).read_bytes())[0].time_ns // capture_file.MICROSECOND_NS
    (whole,) = connections.connections(Path(path).name, Path(path).read_bytes())
    made = []
    for number, (time_ns, from_client, packet) in enumerate(whole.packets, 1):
        source, destination = packet[12:16], packet[16:20]
        ports = struct.unpack_from("!HH", packet, 20)
        ends = (source, destination) if from_client else (destination, source)
        client_port = ports[0] if from_client else ports[1]
        time_us = start_us + time_ns // capture_file.MICROSECOND_NS
        payload = packet[20 + UDP_HEADER_SIZE :]
        made.append(Datagram(time_us, from_client, *ends, client_port, number, payload))
    return made


def as_ipv6(steps):
    ends = {"client": ip_address(CLIENT_IPV6).packed, "server": ip_address(SERVER_IPV6).packed}
    return [replace(step, **ends) for step in steps]


# ---- damages ------------------------------------------------------------------------------------


def _for_payload(split):
    """A damage from a function that makes several payloads of one."""

    def damage(steps):
        made = [replace(step, payload=part) for step in steps for part in split(step.payload)]
        numbered = [replace(step, identification=number) for number, step in enumerate(made, 1)]
        return damages.spread(numbered)

    return damage


def _varint(data, at):
    size = 1 << (data[at] >> 6)
    return int.from_bytes(data[at : at + size], "big") & (1 << 8 * size - 2) - 1, at + size


def _quic_packet_end(data):
    """Where the datagram's first packet ends (RFC 9000 section 17.2)."""
    if not data[0] & QUIC_LONG or data[1:5] == bytes(4):
        return len(data)
    version = int.from_bytes(data[1:5], "big")
    kind = (data[0] >> 4 & 3) - (version in QUIC_TYPES_MOVED) & 3
    at = 6 + data[5]
    at += 1 + data[at]
    if kind == QUIC_RETRY:
        return len(data)
    if kind == QUIC_INITIAL:
        token_size, at = _varint(data, at)
        at += token_size
    size, at = _varint(data, at)
    return at + size


def quic_packets(payload):
    """Each packet of a datagram in one of its own."""
    parts = []
    while payload:
        end = _quic_packet_end(payload)
        parts.append(payload[:end])
        payload = payload[end:]
    return parts


def dtls_records(payload):
    """Each record of a datagram in one of its own."""
    parts = []
    while payload:
        end = DTLS_RECORD_HEADER + int.from_bytes(payload[11:13], "big")
        parts.append(payload[:end])
        payload = payload[end:]
    return parts


def _dtls_pieces(size):
    """Handshake messages in clear in fragments of at most so many bytes, each in a datagram."""

    def split(payload):
        made = []
        for record in dtls_records(payload):
            is_clear = record[0] == DTLS_HANDSHAKE and record[3:5] == bytes(2)
            made += _cut_messages(record, size) if is_clear else [record]
        return made

    return split


def _cut_messages(record, size):
    made, rest = [], record[DTLS_RECORD_HEADER:]
    while rest:
        head = rest[:DTLS_MESSAGE_HEADER]
        offset, length = (int.from_bytes(head[at : at + 3], "big") for at in (6, 9))
        body = rest[DTLS_MESSAGE_HEADER : DTLS_MESSAGE_HEADER + length]
        rest = rest[DTLS_MESSAGE_HEADER + length :]
        for start in range(0, length or 1, size):
            piece = body[start : start + size]
            place = (offset + start).to_bytes(3, "big") + len(piece).to_bytes(3, "big")
            fragment = head[:6] + place + piece
            made.append(record[:11] + len(fragment).to_bytes(2, "big") + fragment)
    return made


def _backwards(split):
    return lambda payload: split(payload)[::-1]


def after_stun(steps):
    """A binding request and its answer on the same ports (RFC 8489)."""
    head = bytes.fromhex("0001" "0000" "2112a442") + bytes(range(12))
    request = replace(steps[0], payload=head, from_client=True)
    answer = replace(request, payload=b"\x01\x01" + head[2:], from_client=False)
    return damages.spread([request, answer] + steps)


def without(predicate):
    """The first datagram for which `predicate` holds is lost."""

    def damage(steps):
        index = next(i for i, step in enumerate(steps) if predicate(step))
        return steps[:index] + steps[index + 1 :]

    return damage


HARMLESS = {
    "every packet twice": damages.every_packet_twice,
    "everything again later": damages.everything_again_later,
    "shuffled within 2": damages.shuffled(2, "2"),
    "shuffled within 4": damages.shuffled(4, "4"),
}
HARMLESS_TO_QUIC = {
    "a packet a datagram": _for_payload(quic_packets),
    "a packet a datagram, backwards": _for_payload(_backwards(quic_packets)),
}
HARMLESS_TO_DTLS = {
    "a record a datagram": _for_payload(dtls_records),
    "fragments of 50 bytes": _for_payload(_dtls_pieces(50)),
    "fragments of 50 bytes, backwards": _for_payload(_backwards(_dtls_pieces(50))),
}
CARRIED_BY_STUN = {"after stun": after_stun}
# Where both hellos are in each side's first datagram.
HARMFUL_TO_THE_FIRST = {
    "without the client's first": without(lambda step: step.from_client),
    "without the server's first": without(lambda step: not step.from_client),
}
HARMFUL = {
    "without the client": lambda steps: [step for step in steps if not step.from_client],
    "without the server": lambda steps: [step for step in steps if step.from_client],
}
