"""talk.py - one TCP connection as a list of segments, taken from a capture of the laboratory.

A Step is a segment and its time. Everything that damages.py does to a connection is a function from
steps to steps; frames() makes captured frames of them again.
"""

from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import capture_file
import layers
import links
import packets

SERVER_PORT = 443
# The client's is one of Teredo's (RFC 4380), so that Teredo may carry it.
CLIENT_IPV6, SERVER_IPV6 = "2001:0:cb00:7101:8000:63bf:3fff:fdf5", "2001:db8:5::20"
SEQUENCE_MASK = 0xFFFFFFFF
URGENT_POINTER_AT = 18
URGENT = 0x20


@dataclass(frozen=True)
class Step:
    time_us: int
    segment: packets.Segment
    urgent_pointer: int = 0

    @property
    def from_client(self):
        return self.segment.destination_port == SERVER_PORT

    @property
    def size(self):
        return len(self.segment.payload)

    def later(self, time_us):
        return replace(self, time_us=self.time_us + time_us)

    def changed(self, **fields):
        return replace(self, segment=self.segment.changed(**fields))

    def packet(self):
        """The IP packet."""
        data = self.segment.to_frame()[packets.ETHERNET_SIZE :]
        if not self.urgent_pointer:
            return data
        at = packets.IPV4_SIZE if self.segment.ip_version == 4 else packets.IPV6_SIZE
        tcp = bytearray(data[at:])
        tcp[URGENT_POINTER_AT : URGENT_POINTER_AT + 2] = self.urgent_pointer.to_bytes(2, "big")
        tcp[16:18] = bytes(2)
        ends = self.segment.source + self.segment.destination
        pseudo = ends + len(tcp).to_bytes(4, "big") + packets.PROTOCOL_TCP.to_bytes(4, "big")
        tcp[16:18] = packets.internet_checksum(pseudo + bytes(tcp)).to_bytes(2, "big")
        return data[:at] + bytes(tcp)


def load(path):
    """The steps of a capture that holds one connection."""
    steps = []
    for record in capture_file.read(Path(path).read_bytes()):
        segment = packets.parse(record.data)
        if segment is not None:
            steps.append(Step(record.time_ns // capture_file.MICROSECOND_NS, segment))
    return steps


def as_ipv6(steps):
    """The same connection between IPv6 addresses."""

    def address(of_client):
        return ip_address(CLIENT_IPV6 if of_client else SERVER_IPV6).packed

    return [
        step.changed(
            ip_version=6,
            source=address(step.from_client),
            destination=address(not step.from_client),
            traffic_class=0,
        )
        for step in steps
    ]


def units(steps):
    """[(time, unit)]: each step's IP packet, ready to be wrapped."""
    return [
        (step.time_us, layers.unit_of(step.packet(), step.from_client, number))
        for number, step in enumerate(steps, 1)
    ]


def records(steps, around=(), link="ethernet"):
    """Captured frames: each step's packet inside of `around` (outermost first) on this link. What
    one packet becomes stands one microsecond apart at most."""
    made = []
    for time_us, unit in units(steps):
        for index, wrapped in enumerate(layers.wrap(unit, around)):
            frame = links.LINKS[link].frame(wrapped)
            number = links.link_number(link, wrapped)
            made.append(capture_file.record(time_us + (index > 0), frame, number))
    return made


def named(steps, around):
    """(tunnels, vlans) that the sensor must name for this connection inside of `around`."""
    _, unit = units(steps)[0]
    wrapped = layers.wrap(unit, around)[0]
    return wrapped.tunnels, wrapped.vlans
