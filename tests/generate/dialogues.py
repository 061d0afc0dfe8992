"""dialogues.py - what a client and a server say before TLS begins, put before a recorded handshake.

Each dialogue is a row of messages, (from the client, bytes), and the name under which the sensor must
report it. Written from the protocols' standards, as parsers/dialogue.h lists them.
"""

import struct
from dataclasses import replace

from damages import client_hello_index, spread
from packets import ACK, PSH
from talk import SEQUENCE_MASK

HOST = "shop.example.test"
CLIENT, SERVER = True, False


def _lines(*turns):
    """A dialogue of text: (sender, lines without their ends)."""
    return [
        (sender, "".join(f"{line}\r\n" for line in lines).encode()) for sender, *lines in turns
    ]


def _hex(*turns):
    return [(sender, bytes.fromhex(digits)) for sender, digits in turns]


XMPP_STREAM = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' "
)
XMPP_TLS = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
MYSQL_TLS, MYSQL_41, MYSQL_AUTH = 0x0800, 0x0200, 0x8000


def _mysql():
    abilities = MYSQL_TLS | MYSQL_41 | MYSQL_AUTH
    greeting = b"\x0a8.0.30\0" + struct.pack("<I", 7) + b"saltsalt\0"
    greeting += struct.pack("<HBHHB", abilities, 45, 2, 0x0008, 21) + bytes(10)
    greeting += b"saltsaltsalt\0mysql_native_password\0"
    request = struct.pack("<IIB", abilities, 1 << 24, 45) + bytes(23)
    return [
        (SERVER, struct.pack("<I", len(greeting))[:3] + b"\0" + greeting),
        (CLIENT, struct.pack("<I", len(request))[:3] + b"\1" + request),
    ]


SMTP = _lines(
    (SERVER, f"220 {HOST} ESMTP"),
    (CLIENT, "EHLO client.example.test"),
    (SERVER, f"250-{HOST}", "250-PIPELINING", "250-STARTTLS", "250 8BITMIME"),
    (CLIENT, "STARTTLS"),
    (SERVER, "220 2.0.0 Ready to start TLS"),
)
IMAP = _lines(
    (SERVER, "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready"),
    (CLIENT, "a1 CAPABILITY"),
    (SERVER, "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED", "a1 OK done"),
    (CLIENT, "a2 STARTTLS"),
    (SERVER, "a2 OK Begin TLS negotiation now"),
)
XMPP = [
    (CLIENT, f"{XMPP_STREAM}to='{HOST}'>".encode()),
    (
        SERVER,
        f"{XMPP_STREAM}from='{HOST}' id='1'><stream:features><starttls {XMPP_TLS}><required/>"
        "</starttls></stream:features>".encode(),
    ),
    (CLIENT, f"<starttls {XMPP_TLS}/>".encode()),
    (SERVER, f"<proceed {XMPP_TLS}/>".encode()),
]
CONNECT = _lines(
    (CLIENT, f"CONNECT {HOST}:443 HTTP/1.1", f"Host: {HOST}:443", "User-Agent: test", ""),
    (SERVER, "HTTP/1.1 200 Connection established", ""),
)
SOCKS5 = _hex((CLIENT, "050100"), (SERVER, "0500")) + [
    (CLIENT, b"\x05\x01\x00\x03" + bytes([len(HOST)]) + HOST.encode() + b"\x01\xbb"),
    (SERVER, bytes.fromhex("05000001" "00000000" "0000")),
]
PROXY_1 = _lines((CLIENT, "PROXY TCP4 192.0.2.10 198.51.100.20 41964 443"))
PROXY_2 = _hex((CLIENT, "0d0a0d0a000d0a515549540a" "2111000c" "c000020a" "c6336414" "a3ec01bb"))

# Name of the case: (the carrier's name, messages).
DIALOGUES = {
    "smtp": ("smtp", SMTP),
    "lmtp": (
        "lmtp",
        _lines(
            (SERVER, f"220 {HOST} LMTP"),
            (CLIENT, "LHLO client.example.test"),
            (SERVER, f"250-{HOST}", "250 STARTTLS"),
            (CLIENT, "STARTTLS"),
            (SERVER, "220 go ahead"),
        ),
    ),
    "imap": ("imap", IMAP),
    "pop3": (
        "pop3",
        _lines(
            (SERVER, "+OK ready"),
            (CLIENT, "CAPA"),
            (SERVER, "+OK", "STLS", "UIDL", "."),
            (CLIENT, "STLS"),
            (SERVER, "+OK Begin TLS negotiation"),
        ),
    ),
    "ftp": (
        "ftp",
        _lines(
            (SERVER, "220-Welcome", "220 ready"),
            (CLIENT, "AUTH SSL"),
            (SERVER, "504 not understood"),
            (CLIENT, "AUTH TLS"),
            (SERVER, "234 AUTH TLS successful"),
        ),
    ),
    "nntp": (
        "nntp",
        _lines(
            (SERVER, "200 news.example.test ready"),
            (CLIENT, "CAPABILITIES"),
            (SERVER, "101 list follows", "VERSION 2", "READER", "STARTTLS", "."),
            (CLIENT, "STARTTLS"),
            (SERVER, "382 continue with TLS negotiation"),
        ),
    ),
    "sieve": (
        "sieve",
        _lines(
            (SERVER, '"IMPLEMENTATION" "example"', '"SASL" ""', '"STARTTLS"', 'OK "ready"'),
            (CLIENT, "STARTTLS"),
            (SERVER, 'OK "begin TLS"'),
        ),
    ),
    "xmpp": ("xmpp", XMPP),
    "irc": (
        "irc",
        _lines(
            (CLIENT, "CAP LS 302"),
            (SERVER, f":{HOST} CAP * LS :multi-prefix tls sasl"),
            (CLIENT, "STARTTLS"),
            (SERVER, f":{HOST} 670 * :STARTTLS successful, go ahead"),
        ),
    ),
    "ldap": (
        "ldap",
        [
            (CLIENT, bytes.fromhex("301d 020101 7718 8016") + b"1.3.6.1.4.1.1466.20037"),
            (SERVER, bytes.fromhex("300c 020101 7807 0a0100 0400 0400")),
        ],
    ),
    "postgresql": ("postgresql", [(CLIENT, bytes.fromhex("00000008 04d2162f")), (SERVER, b"S")]),
    "mysql": ("mysql", _mysql()),
    "rdp": (
        "rdp",
        _hex(
            (CLIENT, "03000013 0ee000000000 00 01000800 03000000"),
            (SERVER, "03000013 0ed000001234 00 02000800 01000000"),
        ),
    ),
    "http connect": ("http-connect", CONNECT),
    "socks4": ("socks4", _hex((CLIENT, "0401 01bb c6336414 00"), (SERVER, "005a 0000 00000000"))),
    "socks5": ("socks5", SOCKS5),
    "proxy header": ("proxy", PROXY_1),
    "proxy header 2": ("proxy", PROXY_2),
    "proxy header, smtp": ("smtp", PROXY_1 + SMTP),
    "proxy header 2, socks5, xmpp": ("xmpp", PROXY_2 + SOCKS5 + XMPP),
    "http connect, imap": ("imap", CONNECT + IMAP),
    "socks5, http connect": ("http-connect", SOCKS5 + CONNECT),
}


def before(steps, messages):
    """The connection with these messages before its ClientHello."""
    at = client_hello_index(steps)
    answer = next(step for step in steps[at:] if not step.from_client)
    said = {CLIENT: 0, SERVER: 0}
    start = {
        CLIENT: steps[at].segment.sequence,
        SERVER: steps[at].segment.acknowledgement,
    }
    made = []
    for number, (sender, payload) in enumerate(messages):
        template = steps[at] if sender == CLIENT else answer
        step = template.changed(
            sequence=start[sender] + said[sender] & SEQUENCE_MASK,
            acknowledgement=start[not sender] + said[not sender] & SEQUENCE_MASK,
            flags=PSH | ACK,
            payload=payload,
        )
        made.append(replace(step, time_us=steps[at].time_us + number))
        said[sender] += len(payload)
    rest = [
        step.changed(
            sequence=step.segment.sequence + said[step.from_client] & SEQUENCE_MASK,
            acknowledgement=step.segment.acknowledgement + said[not step.from_client]
            & SEQUENCE_MASK,
        )
        for step in steps[at:]
    ]
    return _numbered(spread(steps[:at] + made + rest))


def _numbered(steps):
    """Identifications that count on from each side's first, as a host without gaps would."""
    following = {}
    made = []
    for step in steps:
        number = following.get(step.from_client, step.segment.identification or 1)
        following[step.from_client] = number + 1
        made.append(step.changed(identification=number & 0xFFFF))
    return made
