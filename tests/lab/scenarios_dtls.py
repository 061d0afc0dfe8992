"""scenarios_dtls.py - TLS over datagrams, nobody on the path.

oracle.py reads TCP connections; these are held against display filters only.
"""

from peers import PORT, OPENSSL_ANY
from scenario import Product, handshake, scenario
from stage import SERVER_IPV4

PHONE = "phone.example.test"


def dtls_server(*options):
    """-listen asks for a cookie before it keeps anything; it needs to know which IP it is to use."""
    return [
        *["openssl", "s_server", "-4", "-accept", str(PORT), "-listen", "-quiet"],
        *["-cert", "server.pem", "-key", "server.key", *OPENSSL_ANY, *options],
    ]


def dtls_client(*options):
    return [
        *["openssl", "s_client", "-connect", f"{SERVER_IPV4}:{PORT}", "-servername", PHONE],
        *[*OPENSSL_ANY, *options],
    ]


@scenario(
    Product(
        "honest-dtls12-cookie",
        "OpenSSL at both ends, DTLS 1.2 with a cookie exchange, on a path that takes little at "
        "once: both ClientHellos, certificate and key exchange come in fragments",
        [
            handshake(
                *[PHONE, "DTLS 1.2", "DTLS 1.2", "client", "completed"],
                cipher="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            )
        ],
        dissected=False,
        shows=(
            "dtls.handshake.type == 3",
            "dtls.handshake.type == 1 && dtls.handshake.cookie_length > 0",
            "dtls.handshake.type == 1 && dtls.handshake.fragment_offset > 0",
            "dtls.handshake.type == 2 && dtls.handshake.version == 0xfefd",
            "dtls.handshake.type == 11 && dtls.handshake.fragment_offset > 0",
            "dtls.record.epoch == 1 && udp.srcport == 443",
            "dtls.record.epoch == 1 && udp.dstport == 443",
        ),
        never=("dtls.alert_message.desc",),
    )
)
def honest_dtls12_cookie(stage):
    stage.serve(dtls_server("-dtls1_2", "-mtu", "300"), transport="udp")
    stage.client(dtls_client("-dtls1_2", "-mtu", "256"))


@scenario(
    Product(
        "server-limited-dtls10",
        "a client that offers DTLS 1.2 and 1.0 meets a server that can only do 1.0",
        [handshake(PHONE, "DTLS 1.0", "DTLS 1.2", "server", "completed")],
        dissected=False,
        shows=(
            "dtls.handshake.type == 1 && dtls.handshake.version == 0xfefd",
            "dtls.handshake.type == 2 && dtls.handshake.version == 0xfeff",
            "dtls.record.epoch == 1 && udp.srcport == 443",
            "dtls.record.epoch == 1 && udp.dstport == 443",
        ),
        never=("dtls.alert_message.desc",),
    )
)
def server_limited_dtls10(stage):
    stage.serve(dtls_server("-dtls1"), transport="udp")
    stage.client(dtls_client("-dtls"))
