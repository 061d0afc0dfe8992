#!/usr/bin/env python3
"""middle.py - the box on the path: a bridge between two interfaces that may tamper with TLS.

    middle.py CLIENT_INTERFACE SERVER_INTERFACE [--after N] [--connections N] [--edit EDIT]...
              [--text EDIT]... [--answer EDIT] [--kill HOW] [--inject WHAT]... [--reroute HOPS]
              [--fragment BYTES] [--split BYTES] [--shuffle] [--duplicate] [--delay MS]
              [--jitter MS] [--hops HOPS]

Without options it forwards every frame unchanged. Everything else touches TCP connections only:

    --after N         tamper with nothing (--edit, --text, --answer, --kill, --inject, --reroute) in
                      the first N connections
    --connections N   and only in the N connections that follow
    --edit EDIT       change hellos (hello.py); sequence and acknowledgement numbers of the rest of
                      the connection are mapped, checksums are made anew
    --text EDIT       change what is said in clear before TLS: SENDER:OLD:NEW, `client` or `server`,
                      and bytes in hex. Every OLD in its segments becomes NEW, of any length
    --answer EDIT     REQUEST:ANSWER, bytes in hex: a segment of the client's that contains REQUEST is
                      swallowed and answered in the server's name; the connection goes on without
    --kill HOW        when the ClientHello comes, swallow it and
                        reset      send a RST to both ends
                        blackhole  let nothing through any more
                        swallow    acknowledge it, and whatever the client still sends; say nothing
                        alert:N    send the client a fatal alert N and a FIN as if from the server
                        close      send the client a FIN as if from the server
                      the server is released by a RST in every case
    --inject WHAT     add a packet of nobody's (injection.py), as a machine beside the path would:
                      everything genuine goes on untouched
    --reroute HOPS    from each connection's ClientHello on, the server's packets come by a route
                      that is this many hops longer
    --fragment BYTES  cut IP packets to pieces of this many bytes of payload
    --split BYTES     cut segments with payload to pieces of this many bytes
    --shuffle         send every two pieces of a segment in the wrong order
    --duplicate       send every piece twice
    --delay MS        hold every frame this long
    --jitter MS       and up to so much longer, each its own time: some overtake each other
    --hops HOPS       lower every hop limit by so many, as the routers of a path do

It needs no address and no promiscuous mode: a veth end sees all frames of its pair. It prints
"ready" when it forwards, and ends with SIGTERM.
"""

import argparse
import heapq
import itertools
import random
import select
import socket
import sys
import time

import hello
import injection
import packets

ETHERTYPE_ALL = 0x0003
PACKET_OUTGOING = 4
FRAME_MAX = 65536
ALERT_FATAL = 2


class Connection:
    """One TCP connection on its way through: who is the client, and by how much each side's stream
    has been stretched, and from where on."""

    def __init__(self, number, client):
        self.number = number
        self.client = client
        self.killed = None
        self.stretch = {True: [], False: []}  # by from_client: (sequence after which, bytes)
        self.latest = {True: None, False: None}  # by from_client: the segment sent last
        self.injected = set()
        self.has_hello = False

    def note_stretch(self, from_client, sequence, extra):
        if extra and not self.is_stretched(from_client, sequence):  # a retransmission is no news
            self.stretch[from_client].append((sequence, extra))

    def is_stretched(self, from_client, sequence):
        return any(known == sequence for known, _ in self.stretch[from_client])

    def mapped(self, segment, from_client):
        """The segment with its numbers as the receiver must see them."""
        sequence, acknowledgement = segment.sequence, segment.acknowledgement
        for place, extra in self.stretch[from_client]:
            if is_after(segment.sequence, place):
                sequence += extra
        # The acknowledged stream was stretched: the original sender knows the other numbers.
        for place, extra in self.stretch[not from_client]:
            if is_after(acknowledgement, place):
                acknowledgement -= extra
        return segment.changed(
            sequence=sequence & 0xFFFFFFFF, acknowledgement=acknowledgement & 0xFFFFFFFF
        )


def parse_text(text):
    """(sender is the client, old bytes, new bytes) of a `--text`."""
    sender, old, new = text.split(":")
    if sender not in ("client", "server"):
        raise ValueError(f"--text: {sender} is neither client nor server")
    return sender == "client", bytes.fromhex(old), bytes.fromhex(new)


def is_after(sequence, reference):
    return 0 < (sequence - reference) & 0xFFFFFFFF < 0x80000000


class Middle:
    """Decides what becomes of each frame: a list of (to_server, frame) to send."""

    def __init__(self, options):
        self.options = options
        self.edits = [hello.parse_edit(text) for text in options.edit]
        self.answer = options.answer and [bytes.fromhex(x) for x in options.answer.split(":")]
        self.texts = [parse_text(text) for text in options.text]
        self.injections = [injection.Injection(text) for text in options.inject]
        self.connections = {}
        self.numbers = itertools.count(1)

    def handle(self, frame, from_client):
        segment = packets.parse(frame)
        if segment is None:
            return [(from_client, frame)]
        segment = segment.changed(hop_limit=segment.hop_limit - self.options.hops)
        connection = self._find(segment)
        if connection is None:
            return self._shape(segment, from_client)
        from_client = segment.sender == connection.client
        if connection.killed:
            return self._linger(connection, segment, from_client)
        number = connection.number - self.options.after
        is_target = 0 < number <= self.options.connections
        if is_target and self.options.kill and from_client:
            if hello.is_hello(segment.payload, hello.CLIENT_HELLO):
                return self._kill(connection, segment)
        if is_target and self.answer and from_client and self.answer[0] in segment.payload:
            return self._answer(connection, segment)
        if is_target and (self.edits or self.texts or self.answer):
            segment = self._edit(connection, segment, from_client)
        if number > 0:
            segment = self._reroute(connection, segment, from_client)
        before, after = [], []
        if is_target and self.injections:
            before, after = self._inject(connection, segment, from_client)
        connection.latest[from_client] = segment
        return before + self._shape(segment, from_client) + after

    def _reroute(self, connection, segment, from_client):
        if from_client and hello.is_hello(segment.payload, hello.CLIENT_HELLO):
            connection.has_hello = True
        if from_client or not connection.has_hello or not self.options.reroute:
            return segment
        return segment.changed(hop_limit=segment.hop_limit - self.options.reroute)

    def _inject(self, connection, segment, from_client):
        """What is sent before and after this segment in somebody's name: (to_server, frame)."""
        before, after = [], []
        for number, spec in enumerate(self.injections):
            if number in connection.injected or not spec.is_due(segment, from_client):
                continue
            connection.injected.add(number)
            forged = spec.forge(segment, from_client, connection.latest)
            frames = [(not spec.as_server, packet.to_frame()) for packet in forged]
            (before if spec.is_first else after).extend(frames)
        return before, after

    def _find(self, segment):
        key = frozenset((segment.sender, segment.receiver))
        if segment.flags & packets.SYN and not segment.flags & packets.ACK:
            known = self.connections.get(key)
            if known is None:
                self.connections[key] = Connection(next(self.numbers), segment.sender)
        return self.connections.get(key)

    def _edit(self, connection, segment, from_client):
        payload = hello.edit_payload(segment.payload, self.edits, from_client)
        for sender_is_client, old, new in self.texts:
            if sender_is_client == from_client:
                payload = payload.replace(old, new)
        mapped = connection.mapped(segment, from_client)
        extra = len(payload) - len(segment.payload)
        connection.note_stretch(from_client, segment.sequence, extra)
        return mapped.changed(payload=payload)

    def _answer(self, connection, segment):
        """Takes the request out of the client's stream and puts the answer into the server's."""
        answer = self.answer[1]
        acknowledged = connection.mapped(segment, True).acknowledgement
        if not connection.is_stretched(True, segment.sequence):
            connection.note_stretch(True, segment.sequence, -len(segment.payload))
            connection.stretch[False].append(((acknowledged - 1) & 0xFFFFFFFF, len(answer)))
        own = connection.latest[False] or segment
        forged = segment.answered(packets.PSH | packets.ACK, answer)
        forged = forged.changed(hop_limit=own.hop_limit, window=own.window)
        return [(False, forged.to_frame())]

    def _kill(self, connection, segment):
        how, _, argument = self.options.kill.partition(":")
        connection.killed = how
        release = segment.changed(flags=packets.RST | packets.ACK, payload=b"", options=b"")
        sent = [(True, release.to_frame())]
        if how == "reset":
            reset = segment.answered(packets.RST | packets.ACK)
            sent.append((False, reset.to_frame()))
        elif how == "alert":
            alert = bytes([21, *segment.payload[1:3], 0, 2, ALERT_FATAL, int(argument)])
            flags = packets.FIN | packets.PSH | packets.ACK
            sent.append((False, segment.answered(flags, alert).to_frame()))
        elif how == "swallow":
            sent.append((False, segment.answered(packets.ACK).to_frame()))
        elif how == "close":
            sent.append((False, segment.answered(packets.FIN | packets.ACK).to_frame()))
        return sent

    @staticmethod
    def _linger(connection, segment, from_client):
        """A killed connection goes no further; only what the client says may be acknowledged."""
        says_something = segment.payload or segment.flags & packets.FIN
        if from_client and says_something and connection.killed in ("alert", "close", "swallow"):
            return [(False, segment.answered(packets.ACK).to_frame())]
        return []

    def _shape(self, segment, from_client):
        options = self.options
        pieces = [segment]
        if options.split and segment.payload:
            pieces = list(self._split(segment, options.split))
        if options.shuffle:
            for i in range(0, len(pieces) - 1, 2):
                pieces[i], pieces[i + 1] = pieces[i + 1], pieces[i]
        frames = [piece.to_frame() for piece in pieces]
        if options.duplicate and segment.payload:
            frames = [copy for frame in frames for copy in (frame, frame)]
        if options.fragment:
            frames = [
                piece for frame in frames for piece in packets.fragments(frame, options.fragment)
            ]
        return [(from_client, frame) for frame in frames]

    @staticmethod
    def _split(segment, size):
        for offset in range(0, len(segment.payload), size):
            piece = segment.payload[offset : offset + size]
            is_last = offset + size >= len(segment.payload)
            flags = segment.flags if is_last else segment.flags & ~(packets.FIN | packets.PSH)
            yield segment.changed(
                sequence=(segment.sequence + offset) & 0xFFFFFFFF, flags=flags, payload=piece
            )


def forward(middle, client_side, server_side, delay, jitter):
    """Runs until killed."""
    waiting = []
    order = itertools.count()
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([client_side, server_side], [], [], timeout)
        for side in readable:
            frame, address = side.recvfrom(FRAME_MAX)
            if address[2] == PACKET_OUTGOING:
                continue
            due = time.monotonic() + delay + random.uniform(0, jitter)
            for to_server, out in middle.handle(frame, side is client_side):
                heapq.heappush(waiting, (due, next(order), to_server, out))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, to_server, out = heapq.heappop(waiting)
            (server_side if to_server else client_side).send(out)


def open_side(interface):
    side = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ALL))
    side.bind((interface, 0))
    return side


def main():
    parser = argparse.ArgumentParser(description="a bridge that may tamper with TLS")
    parser.add_argument("client_interface")
    parser.add_argument("server_interface")
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("--connections", type=int, default=1 << 30)
    parser.add_argument("--edit", action="append", default=[])
    parser.add_argument("--text", action="append", default=[])
    parser.add_argument("--answer")
    parser.add_argument("--kill")
    parser.add_argument("--inject", action="append", default=[])
    parser.add_argument("--reroute", type=int, default=0)
    parser.add_argument("--fragment", type=int)
    parser.add_argument("--split", type=int)
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--duplicate", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--hops", type=int, default=0)
    options = parser.parse_args()
    sides = open_side(options.client_interface), open_side(options.server_interface)
    print("ready", flush=True)
    try:
        forward(Middle(options), *sides, options.delay / 1000, options.jitter / 1000)
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
