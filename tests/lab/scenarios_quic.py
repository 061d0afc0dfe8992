"""scenarios_quic.py - TLS inside of QUIC, nobody on the path: ngtcp2 over GnuTLS at both ends, and
Chromium, whose ClientHello is larger than a datagram and whose frames are shuffled.

oracle.py reads TCP connections; these are held against display filters only. tshark takes the
protection off Initial packets itself.
"""

import base64
import hashlib

from peers import PORT
from scenario import Product, handshake, scenario
from stage import SERVER_IPV4, run

VIDEO = "video.example.test"
VERSION_2_DRAFT = "0x709a50c4"
CHROMIUM_SECONDS = 12

HELLOS = (
    f'quic && tls.handshake.extensions_server_name == "{VIDEO}"',
    "quic && tls.handshake.type == 2 && udp.srcport == 443",
    "quic.long.packet_type == 2 || quic.long.packet_type_v2 == 3",
    "quic.header_form == 0 && udp.dstport == 443",
)


def key_digest(certificate):
    """SHA-256 of a certificate's public key, as Chromium wants it."""
    text = run("openssl", "x509", "-in", str(certificate), "-noout", "-pubkey")
    body = "".join(line for line in text.splitlines() if not line.startswith("-"))
    return base64.b64encode(hashlib.sha256(base64.b64decode(body)).digest()).decode()


def quic_server(*options):
    return ["gtlsserver", "--quiet", *options, "*", str(PORT), "server.key", "server.pem"]


def quic_client(*options):
    """It sends the server's name only where it looked its address up."""
    hosts = f"echo {SERVER_IPV4} {VIDEO} >hosts && mount --bind hosts /etc/hosts"
    asks = ["--quiet", "--exit-on-all-streams-close", "--timeout=2s", *options]
    words = ["gtlsclient", *asks, VIDEO, str(PORT), f"https://{VIDEO}/"]
    return ["sh", "-c", f'{hosts} && exec "$@"', "sh", *words]


def completed(**more):
    """What QUIC's handshakes have in common."""
    return handshake(VIDEO, "TLS 1.3", "TLS 1.3", "none", "completed", **more)


def quic_facts(version, retry=False):
    """The object `quic` of an EVE line."""
    return {"version": version, "version_negotiation": False, "retry": retry}


@scenario(
    Product(
        "quic-v1",
        "ngtcp2 at both ends, QUIC version 1",
        [completed(quic=quic_facts("v1"))],
        dissected=False,
        datagrams="quic",
        shows=(*HELLOS, "quic.version == 1"),
        never=("quic.long.packet_type == 3", "quic.version == 0"),
    ),
    needs=["quic"],
)
def quic_v1(stage):
    stage.serve(quic_server(), transport="udp")
    stage.client(quic_client())


@scenario(
    Product(
        "quic-v2-draft",
        "ngtcp2 at both ends, QUIC version 2 (its last draft's number) from the first packet on; tshark does not read its packets",
        [completed(quic=quic_facts(VERSION_2_DRAFT))],
        dissected=False,
        datagrams="quic",
        shows=(f"quic.version == {VERSION_2_DRAFT}", HELLOS[3]),
        never=("quic.version == 1", "quic.version == 0"),
    ),
    needs=["quic"],
)
def quic_v2_draft(stage):
    stage.serve(quic_server(f"--preferred-versions={VERSION_2_DRAFT}"), transport="udp")
    stage.client(quic_client(f"--version={VERSION_2_DRAFT}", f"--other-versions={VERSION_2_DRAFT}"))


@scenario(
    Product(
        "quic-retry",
        "the server answers the first Initial packet with a Retry, as busy ones do; the client comes "
        "again with the token, the same ClientHello and other keys",
        [completed(quic=quic_facts("v1", retry=True))],
        dissected=False,
        datagrams="quic",
        shows=("quic.long.packet_type == 3", "quic.token_length > 0", HELLOS[1], HELLOS[3]),
        never=("quic.version == 0",),
    ),
    needs=["quic"],
)
def quic_retry(stage):
    stage.serve(quic_server("--validate-addr"), transport="udp")
    stage.client(quic_client())


@scenario(
    Product(
        "quic-chromium",
        "Chromium and an ngtcp2 server: the ClientHello has a post-quantum share and comes in "
        "pieces that are shuffled over two datagrams; the server has no such group",
        [completed(quic=quic_facts("v1"))],
        dissected=False,
        datagrams="quic",
        shows=(HELLOS[1], HELLOS[3], "quic.crypto.offset > 1200 && udp.dstport == 443", "tls.handshake.extensions_key_share_group == 4588"),
    ),
    needs=["quic", "chromium"],
)
def quic_chromium(stage):
    stage.serve(quic_server(), transport="udp")
    stage.client(
        [
            *["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
            *["--disable-background-networking", "--disable-component-update"],
            *[f"--user-data-dir={stage.folder}/chromium", f"--origin-to-force-quic-on={VIDEO}:{PORT}"],
            f"--ignore-certificate-errors-spki-list={key_digest(stage.folder / 'server.pem')}",
            f"--host-resolver-rules=MAP {VIDEO} {SERVER_IPV4}, MAP * ~NOTFOUND",
            *["--dump-dom", f"https://{VIDEO}/"],
        ],
        seconds=CHROMIUM_SECONDS,
    )
