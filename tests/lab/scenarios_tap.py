"""scenarios_tap.py - honest handshakes that are hard to read: link types, fragments, torn and
shuffled segments, and captures that hold only a part of the story."""

import captures
import stage as lab
from peers import nginx, openssl_client, openssl_server
from scenario import Product, handshake, scenario, unanswered

SHOP = "shop.example.test"
LEGACY = "legacy.example.test"
QTAG, STAG = 0x8100, 0x88A8


def honest(version="TLS 1.3", name=SHOP, **more):
    """What the usual two OpenSSL ends do when the server can do all versions."""
    limiter = "none" if version == "TLS 1.3" else "client"
    sentinel = {"TLS 1.2": "TLS 1.2", "TLS 1.1": "TLS 1.1", "TLSv1": "TLS 1.1"}.get(version)
    return handshake(name, version, version, limiter, "completed", sentinel=sentinel, **more)


def wrapped(name, what, crafted, transform, *handshakes, **more):
    return Product(name, what, list(handshakes), crafted=crafted, transform=transform, **more)


def play_13_then_10(stage):
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP))
    stage.client(openssl_client(LEGACY, versions=("1.0",)))


@scenario(
    wrapped(
        *["vlan", "TLS 1.3 and TLS 1.0 in VLAN 42", "the 802.1Q tags were added to the recording"],
        captures.tagged((QTAG, 42)),
        *[honest(), honest("TLSv1", LEGACY)],
        shows=("vlan.id == 42",),
    ),
    wrapped(
        *["qinq", "TLS 1.3 and TLS 1.0 in VLAN 7 within 100 (802.1ad)"],
        "both tags were added to the recording",
        captures.tagged((STAG, 100), (QTAG, 7)),
        *[honest(), honest("TLSv1", LEGACY)],
        shows=("ieee8021ad.id == 100", "ieee8021ad || vlan.id == 7"),
    ),
    wrapped(
        *["link-raw", "link type RAW: IP packets without a link layer, as from a tun device"],
        "the Ethernet headers were taken off the recording",
        captures.as_raw,
        *[honest(), honest("TLSv1", LEGACY)],
        never=("eth",),
    ),
    wrapped(
        *["link-null", "link type NULL: a family number before each packet, as on a BSD loopback"],
        "the Ethernet headers of the recording were replaced",
        captures.as_null,
        *[honest(), honest("TLSv1", LEGACY)],
        shows=("null",),
    ),
    Product(
        "link-ethernet-pcapng",
        "the same recording as pcapng",
        [honest(), honest("TLSv1", LEGACY)],
        crafted="converted with editcap",
        pcapng=True,
    ),
    Product(
        "link-sll",
        "link type SLL: recorded on all interfaces at once (tcpdump -i any)",
        [honest(), honest("TLSv1", LEGACY)],
        tap="any",
        tap_options=("-y", "LINUX_SLL"),
        shows=("sll",),
    ),
    Product(
        "link-sll2",
        "link type SLL2: the same, in the newer form",
        [honest(), honest("TLSv1", LEGACY)],
        tap="any",
        tap_options=("-y", "LINUX_SLL2"),
        shows=("sll",),
    ),
)
def links(stage):
    play_13_then_10(stage)


@scenario(
    Product(
        "fragments-ipv4",
        "IPv4 fragments of 128 bytes, made on the path: the ClientHello as the server's side "
        "sees it",
        [honest(), honest("TLSv1", LEGACY)],
        tap="server",
        crafted="the box on the path fragments although TCP forbids it; the kernel reassembles",
        shows=("ip.flags.mf == 1", "ip.fragments"),
    )
)
def fragments_ipv4(stage):
    stage.middle("--fragment", "128")
    play_13_then_10(stage)


@scenario(
    wrapped(
        *["fragments-ipv6", "IPv6 fragments of 256 bytes in both directions"],
        "the fragments were made in the recording: no host accepts such small ones",
        captures.fragmented(256),
        honest("TLS 1.2"),
        shows=("ipv6.fraghdr.more == 1",),
    )
)
def fragments_ipv6(stage):
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP, address=lab.SERVER_IPV6, versions=("1.2",)))


@scenario(
    Product(
        "segments-tiny",
        "every segment of the client arrives at the server's side in pieces of 5 bytes",
        [honest()],
        tap="server",
        crafted="the box on the path tears the segments; both kernels' connection is real",
        shows=("tcp.len == 5 && tcp.dstport == 443",),
        never=("tcp.len > 5 && tcp.dstport == 443",),
    )
)
def segments_tiny(stage):
    stage.middle("--split", "5")
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP, "-groups", "X25519"))


@scenario(
    Product(
        "segments-shuffled",
        "segments torn to 60 bytes, every two in the wrong order, each one twice: the client's "
        "side",
        [honest("TLS 1.2")],
        crafted="the box on the path tears, shuffles and doubles; both kernels' connection is real",
        shows=("tcp.analysis.lost_segment", "tcp.analysis.retransmission"),
    ),
    Product(
        "segments-shuffled-server-side",
        "the same at the server's side, where the ClientHello is shuffled",
        [honest("TLS 1.2")],
        tap="server",
        crafted="the box on the path tears, shuffles and doubles; both kernels' connection is real",
        shows=("tcp.analysis.lost_segment",),
    ),
)
def segments_shuffled(stage):
    stage.middle("--split", "60", "--shuffle", "--duplicate")
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP, versions=("1.2",)))


def half(sni, version, offered_max, limiter, outcome="half_seen", **more):
    """Half a record promises nothing about what was not seen."""
    expected = handshake(sni, version, offered_max, limiter, outcome, **more)
    for key in ("resumed", "hello_retry", "sentinel"):
        if key not in more:
            del expected[key]
    return expected


@scenario(
    wrapped(
        *["one-sided-client", "only the client's packets: an offer without an answer"],
        "the server's packets were taken out of the recording",
        captures.only_from(False),
        half(SHOP, "UNDETERMINED", "TLS 1.2", "unknown"),
        never=("tcp.srcport == 443",),
    ),
    wrapped(
        *["one-sided-server", "only the server's packets: an answer without an offer"],
        "the client's packets were taken out of the recording",
        captures.only_from(True),
        half(None, "TLS 1.2", None, "unknown", sentinel="TLS 1.2"),
        never=("tcp.dstport == 443",),
    ),
    wrapped(
        *["mid-stream", "the capture starts between ClientHello and ServerHello"],
        "the recording's beginning was taken off",
        captures.starting_after_client_hello,
        half(None, "TLS 1.2", None, "unknown", sentinel="TLS 1.2"),
        never=("tcp.flags.syn == 1", "tls.handshake.type == 1"),
    ),
    wrapped(
        *["cut-short", "the capture ends right after the ClientHello: nobody knows how it went on"],
        "the recording's end was taken off",
        captures.ending_with_client_hello,
        half(SHOP, "UNDETERMINED", "TLS 1.2", "unknown", "inconclusive"),
        never=("tls.handshake.type == 2",),
    ),
    wrapped(
        *["lost-server-hello", "the tap lost the packet with the ServerHello, the ends did not"],
        "that packet was taken out of the recording",
        captures.without_server_hello,
        half(SHOP, "UNDETERMINED", "TLS 1.2", "unknown", "inconclusive"),
        never=("tls.handshake.type == 2",),
    ),
    wrapped(
        *["short-snap-length", "180 bytes of snap length cut the ClientHello, not the ServerHello"],
        "the recording's packets were shortened",
        captures.cut_to(180),
        half(None, "TLS 1.2", None, "unknown", "inconclusive", sentinel="TLS 1.2"),
        dissected=False,
        shows=("frame.cap_len == 180 && frame.len > 180",),
    ),
)
def partial(stage):
    stage.serve(nginx(stage.folder))
    stage.client(openssl_client(SHOP, versions=("1.2",)))
