"""scenarios_starttls.py - TLS that begins with a request, and those who take it out of the dialogue.

Real servers, and clients that take TLS when it is there and go on in clear when it is not. Three
honest dialogues come before most attacks: what a server is known for is all that tells an attacker
who leaves no trace from a server without TLS. An attacker who rewrites the client's request is
seen on the client's side only: behind him there is a client that does not ask.
"""

import services
from scenario import Product, add_scenario, attack, handshake

KNOWN = 3  # dialogues with TLS on offer that make a server known for it
PROTOCOLS = ("smtp", "imap", "pop3", "ftp", "ldap", "postgresql")
HAS_LOGIN = ("imap", "pop3", "ftp", "ldap", "postgresql")  # their client logs in, in clear or not
STARTTLS_OID, OTHER_OID = b"1.3.6.1.4.1.1466.20037", b"1.3.6.1.4.1.1466.20999"
SSL_REQUEST = b"\x04\xd2\x16\x2f"
# The word of the server's list, and what a box leaves of it that must not change the length.
GARBLED = {
    "smtp": (b"STARTTLS", b"XXXXXXXX"),
    "imap": (b"STARTTLS", b"STARTTLX"),
    "pop3": (b"STLS", b"XXXX"),
}
CUT = {
    "smtp": (b"250-STARTTLS\r\n", b""),
    "imap": (b" STARTTLS", b""),
    "pop3": (b"STLS\r\n", b""),
}
# The client's request, and what the attacker makes of it so that the server itself refuses.
REQUEST = {
    "smtp": (b"STARTTLS\r\n", b"STARTXXX\r\n"),
    "imap": (b" STARTTLS\r\n", b" STARTXXX\r\n"),
    "pop3": (b"STLS\r\n", b"XXXX\r\n"),
    "ftp": (b"AUTH ", b"XXXX "),
    "ldap": (STARTTLS_OID, OTHER_OID),
}
# A refusal of the attacker's own, on the path or beside it, and the request that it answers.
REFUSAL = {
    "smtp": (b"454 4.7.0 TLS not available\r\n", b"STARTTLS"),
    "pop3": (b"-ERR TLS not available\r\n", b"STLS"),
    "ftp": (b"534 TLS not available\r\n", b"AUTH "),
    "postgresql": (b"N", SSL_REQUEST),
}


def text(sender, change):
    return ["--text", f"{sender}:{change[0].hex()}:{change[1].hex()}"]


def dialogues(protocol, known, middle, tls=True, asks=True):
    """A play: `known` honest dialogues, then one through the tampering of `middle`."""

    def play(stage):
        stage.middle("--after", str(known), *middle)
        services.serve(stage, protocol, tls)
        for _ in range(known + 1):
            stage.client(services.client(protocol, tls=asks))

    return play


def in_clear(protocol):
    """A filter for TLS of the protocol's port, and what shows that the client logs in without."""
    return {
        "smtp": 'smtp.req.command == "MAIL"',
        "imap": 'imap.request contains "LOGIN" || imap.request contains "AUTHENTICATE"',
        "pop3": 'pop.request.command == "AUTH" || pop.request.command == "USER"',
        "ftp": f'tcp.payload contains "PASS {services.PASSWORD}"',
        "ldap": "ldap.bindRequest_element",
        "postgresql": f'tcp.payload contains "{services.PASSWORD}"',
    }[protocol]


def granted(protocol):
    if protocol == "ftp":
        return "ftp.response.code == 234"
    return f"tcp.port == {services.PORTS[protocol]} && tls.handshake.type == 2"


def product(name, protocol, what, alerts, goes_on=True, **more):
    """`goes_on`: the client, in clear (two answers to one request are too much for some)."""
    clear = f"tcp.port == {services.PORTS[protocol]} && ({in_clear(protocol)})"
    return Product(name, what, None, alerts, shows=(clear,) if goes_on else (), **more)


def add_attack(protocol, way, what, middle, sides, known=KNOWN, is_shown=False):
    """One way of stripping; `sides` says what is found from where: {tap: [confidences] or None}."""
    past = "known" if known else "unknown"
    name = f"starttls-{protocol}-{way}-{past}"
    products = []
    for tap, confidences in sides.items():
        alerts = [attack("starttls-stripping", *confidences)] if confidences else []
        products.append(
            product(
                f"{name}-{tap}-side",
                protocol,
                f"{what}; seen at the {tap}'s side"
                + ("" if confidences else ", where it looks like a client that does not ask"
                   if known or way != "cut" else ", where nothing is known of the server"),
                alerts,
                tap=tap,
                goes_on=not (way == "injected" and protocol in ("ftp", "postgresql")),
                plays="starttls-stripping",
                is_shown=is_shown and (tap == "client"),
            )
        )
    add_scenario(name, dialogues(protocol, known, middle), products, [protocol])


def register_attacks():
    for protocol, change in GARBLED.items():
        sure = ["high"] if protocol in HAS_LOGIN else ["high", "medium"]
        for known in (KNOWN, 0):
            confidences = sure if known or protocol in HAS_LOGIN else ["medium"]
            add_attack(
                *[protocol, "garbled", "the word for TLS in the server's list is overwritten"],
                text("server", change),
                {"client": confidences, "server": None},
                known=known,
                is_shown=known == 0,
            )
    for protocol, change in CUT.items():
        what = "the word for TLS is cut out of the server's list"
        confidences = ["high"] if protocol in HAS_LOGIN else ["medium"]
        middle = text("server", change)
        add_attack(
            *[protocol, "cut", what, middle, {"client": confidences, "server": None}],
            is_shown=protocol == "smtp",
        )
        add_attack(protocol, "cut", what, middle, {"client": None}, known=0)
    for protocol, change in REQUEST.items():
        confidences = ["high"] if protocol in HAS_LOGIN else ["medium"]
        add_attack(
            *[protocol, "request", "the client's request is made one that the server refuses"],
            text("client", change),
            {"client": confidences, "server": None},
            is_shown=protocol in ("ldap", "ftp"),
        )
    for protocol, (answer, request) in REFUSAL.items():
        confidences = ["high"] if protocol in HAS_LOGIN else ["medium"]
        add_attack(
            *[protocol, "refused", "the client's request is swallowed and refused"],
            ["--answer", f"{request.hex()}:{answer.hex()}"],
            {"client": confidences, "server": None},
            is_shown=protocol == "postgresql",
        )
        confidences = ["medium", "high"]
        word = f"bytes:{answer.hex()},on-bytes:{request.hex()},hops:8"
        add_attack(
            *[protocol, "injected", "a refusal from beside the path overtakes the server's answer"],
            ["--delay", "5", "--inject", word],
            {"client": confidences},
            is_shown=protocol == "smtp",
        )


def register_twins():
    for protocol in PROTOCOLS:
        name = f"starttls-{protocol}-honest"
        twin = Product(
            name,
            "TLS is asked for and granted",
            [
                handshake(
                    *[None, "TLS 1.3", "TLS 1.3", "none", "completed"],
                    carrier=protocol,
                    hello_retry=protocol in ("ftp", "postgresql"),  # they know P-256 only
                )
            ],
            shows=(granted(protocol),),
            dissected=protocol != "ftp",  # tshark does not know curl's AUTH SSL
            is_shown=protocol in ("smtp", "imap", "pop3", "ldap", "postgresql"),
        )
        add_scenario(name, dialogues(protocol, 0, ()), [twin], [protocol])
        name = f"starttls-{protocol}-never-offered"
        what = "a server that has no TLS; the client goes on in clear"
        twin = product(name, protocol, what, [], is_shown=protocol in ("smtp", "postgresql"))
        add_scenario(name, dialogues(protocol, KNOWN, (), tls=False), [twin], [protocol])
        name = f"starttls-{protocol}-not-asked"
        what = "a client that does not ask for the TLS that the server offers, and logs in"
        twin = product(name, protocol, what, [], is_shown=protocol == "imap")
        add_scenario(name, dialogues(protocol, KNOWN, (), asks=False), [twin], [protocol])


register_attacks()
register_twins()
