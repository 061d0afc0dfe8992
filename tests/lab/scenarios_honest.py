"""scenarios_honest.py - nobody on the path: what must never raise an alert of class attack."""

import stage as lab
from peers import (
    curl,
    gnutls_client,
    gnutls_server,
    nginx,
    openssl_client,
    openssl_server,
    scripted,
)
from scenario import Product, handshake, scenario, unanswered

SHOP = "shop.example.test"
LEGACY = "legacy.example.test"
AES_256_GCM_13 = "TLS_AES_256_GCM_SHA384"


def openssl_pair(stage, server_versions, client_versions, name=SHOP):
    stage.serve(openssl_server(versions=server_versions))
    stage.client(openssl_client(name, versions=client_versions))


@scenario(
    Product(
        "honest-tls13",
        "OpenSSL at both ends, TLS 1.3, everything as it should be",
        [handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed", cipher=AES_256_GCM_13)],
    )
)
def honest_tls13(stage):
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP))


@scenario(
    Product(
        "honest-tls12",
        "OpenSSL at both ends, both configured for TLS 1.2 and nothing else",
        [
            handshake(
                *[SHOP, "TLS 1.2", "TLS 1.2", "client", "completed"],
                cipher="TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            )
        ],
    )
)
def honest_tls12(stage):
    openssl_pair(stage, ("1.2",), ("1.2",))


@scenario(
    Product(
        "honest-tls11",
        "OpenSSL at both ends, both configured for TLS 1.1 and nothing else",
        [handshake(LEGACY, "TLS 1.1", "TLS 1.1", "client", "completed")],
    )
)
def honest_tls11(stage):
    openssl_pair(stage, ("1.1",), ("1.1",), LEGACY)


@scenario(
    Product(
        "honest-tls10",
        "OpenSSL at both ends, both configured for TLS 1.0 and nothing else",
        [handshake(LEGACY, "TLSv1", "TLSv1", "client", "completed")],
    )
)
def honest_tls10(stage):
    openssl_pair(stage, ("1.0",), ("1.0",), LEGACY)


@scenario(
    Product(
        "honest-gnutls-tls13",
        "GnuTLS at both ends, TLS 1.3",
        [handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed", cipher=AES_256_GCM_13)],
    )
)
def honest_gnutls_tls13(stage):
    stage.serve(gnutls_server())
    stage.client(gnutls_client(SHOP))


@scenario(
    Product(
        "honest-gnutls-tls10",
        "GnuTLS at both ends: a TLS 1.0 client, a server that speaks 1.0 to 1.3 and says so",
        [handshake(LEGACY, "TLSv1", "TLSv1", "client", "completed", sentinel="TLS 1.1")],
    )
)
def honest_gnutls_tls10(stage):
    stage.serve(gnutls_server())
    stage.client(gnutls_client(LEGACY, versions=("1.0",)))


@scenario(
    Product(
        "honest-curl-nginx-h2",
        "curl fetches a page by HTTP/2 from nginx, TLS 1.3",
        [handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed")],
        shows=('tls.handshake.extensions_alpn_str == "h2"',),
    )
)
def honest_curl_nginx_h2(stage):
    stage.serve(nginx(stage.folder))
    stage.client(curl(SHOP, "--http2"))


@scenario(
    Product(
        "client-limited-tls12",
        "a client that offers TLS 1.2 at most meets a TLS 1.3 server: the sentinel is there and "
        "honest",
        [handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed", sentinel="TLS 1.2")],
    )
)
def client_limited_tls12(stage):
    openssl_pair(stage, ("1.0", "1.1", "1.2", "1.3"), ("1.0", "1.1", "1.2"))


@scenario(
    Product(
        "client-limited-tls10",
        "a TLS 1.0 device meets a server that speaks 1.0 to 1.3: sentinel for 1.1 and older, "
        "honest",
        [handshake(LEGACY, "TLSv1", "TLSv1", "client", "completed", sentinel="TLS 1.1")],
    )
)
def client_limited_tls10(stage):
    openssl_pair(stage, ("1.0", "1.1", "1.2", "1.3"), ("1.0",), LEGACY)


@scenario(
    Product(
        "server-limited-tls12",
        "a TLS 1.3 client meets a server that ends at TLS 1.2",
        [handshake(SHOP, "TLS 1.2", "TLS 1.3", "server", "completed")],
    )
)
def server_limited_tls12(stage):
    openssl_pair(stage, ("1.0", "1.1", "1.2"), ("1.0", "1.1", "1.2", "1.3"))


@scenario(
    Product(
        "server-limited-tls10",
        "a client that offers 1.0 to 1.3 meets a server that speaks TLS 1.0 only",
        [handshake(LEGACY, "TLSv1", "TLS 1.3", "server", "completed")],
    )
)
def server_limited_tls10(stage):
    openssl_pair(stage, ("1.0",), ("1.0", "1.1", "1.2", "1.3"), LEGACY)


@scenario(
    Product(
        "server-limited-gnutls-openssl",
        "a GnuTLS client that offers 1.0 to 1.3 meets an OpenSSL server that ends at TLS 1.1",
        [handshake(LEGACY, "TLS 1.1", "TLS 1.3", "server", "completed")],
    )
)
def server_limited_gnutls_openssl(stage):
    stage.serve(openssl_server(versions=("1.0", "1.1")))
    stage.client(gnutls_client(LEGACY))


@scenario(
    Product(
        "hello-retry",
        "the server wants another group than the client's key share: HelloRetryRequest, then TLS "
        "1.3",
        [handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed", hello_retry=True)],
    )
)
def hello_retry(stage):
    stage.serve(openssl_server("-groups", "P-384"))
    stage.client(openssl_client(SHOP, "-groups", "X25519:P-384"))


def resume(stage, *options):
    stage.client(openssl_client(SHOP, *options, "-sess_out", "session.pem"))
    stage.client(openssl_client(SHOP, *options, "-sess_in", "session.pem"))


@scenario(
    Product(
        "resumption-tls12-session-id",
        "TLS 1.2 twice, the second time resumed by session id",
        [
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed"),
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed", resumed=True),
        ],
    )
)
def resumption_tls12_session_id(stage):
    stage.serve(openssl_server("-no_ticket", versions=("1.2",)))
    resume(stage, "-no_ticket", "-tls1_2")


@scenario(
    Product(
        "resumption-tls12-ticket",
        "TLS 1.2 twice, the second time resumed by session ticket",
        [
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed"),
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed", resumed=True),
        ],
        shows=(
            "tls.handshake.type == 1 && tls.handshake.extension.type == 35 && "
            "tls.handshake.extension.len > 100",
        ),
    )
)
def resumption_tls12_ticket(stage):
    stage.serve(openssl_server(versions=("1.2",)))
    resume(stage, "-tls1_2")


@scenario(
    Product(
        "resumption-tls13",
        "TLS 1.3 twice, the second time with a pre-shared key",
        [
            handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed"),
            handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed", resumed=True),
        ],
    )
)
def resumption_tls13(stage):
    stage.serve(openssl_server())
    resume(stage)


@scenario(
    Product(
        "no-sni-certificate-name",
        "no server name in TLS 1.2: the certificate, in clear, names the domain; in TLS 1.3 "
        "nothing does",
        [
            handshake(
                *[None, "TLS 1.2", "TLS 1.2", "client", "completed"],
                sentinel="TLS 1.2",
                domain=SHOP,
                domain_source="certificate",
            ),
            handshake(
                *[None, "TLS 1.3", "TLS 1.3", "none", "completed"],
                domain="_none",
                domain_source="ip",
            ),
        ],
    )
)
def no_sni_certificate_name(stage):
    stage.serve(openssl_server())
    stage.client(openssl_client(None, versions=("1.2",)))
    stage.client(openssl_client(None))


@scenario(
    Product(
        "client-certificate",
        "the server asks for a client certificate and gets one, TLS 1.2 and then TLS 1.3",
        [
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed", sentinel="TLS 1.2"),
            handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed"),
        ],
        shows=("tls.handshake.type == 13", "tls.handshake.type == 15"),
    )
)
def client_certificate(stage):
    stage.serve(openssl_server("-Verify", "1", "-CAfile", "ca.pem"))
    own = ("-cert", "client.pem", "-key", "client.key")
    stage.client(openssl_client(SHOP, *own, versions=("1.2",)))
    stage.client(openssl_client(SHOP, *own))


@scenario(
    Product(
        "ipv6",
        "TLS 1.3 and TLS 1.2 over IPv6",
        [
            handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed"),
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed", sentinel="TLS 1.2"),
        ],
        shows=("ipv6",),
        never=("ip",),
    )
)
def ipv6(stage):
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP, address=lab.SERVER_IPV6))
    stage.client(openssl_client(SHOP, address=lab.SERVER_IPV6, versions=("1.2",)))


@scenario(
    Product(
        "no-shared-cipher",
        "the server supports none of the client's suites: fatal handshake_failure",
        [unanswered(SHOP, "TLS 1.2", "failed", alerts=[["server", 40]])],
    )
)
def no_shared_cipher(stage):
    stage.serve(openssl_server(ciphers=["-cipher", "ECDHE+CHACHA20"], versions=("1.2",)))
    stage.client(openssl_client(SHOP, ciphers=["-cipher", "AES128-SHA"], versions=("1.2",)))


@scenario(
    Product(
        "old-version-refused",
        "a TLS 1.1 device meets a server that speaks 1.2 and 1.3 only: fatal protocol_version",
        [unanswered(LEGACY, "TLS 1.1", "failed", alerts=[["server", 70]])],
    )
)
def old_version_refused(stage):
    stage.serve(openssl_server(versions=("1.2", "1.3")))
    stage.client(openssl_client(LEGACY, versions=("1.0", "1.1")))


@scenario(
    Product(
        "certificate-rejected-tls12",
        "curl does not know the authority and says so in clear: fatal unknown_ca, TLS 1.2",
        [
            handshake(
                *[SHOP, "TLS 1.2", "TLS 1.2", "client", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 48]],
            )
        ],
    )
)
def certificate_rejected_tls12(stage):
    stage.serve(openssl_server())
    stage.client(curl(SHOP, "--tls-max", "1.2", check=True))


@scenario(
    Product(
        "certificate-rejected-tls13",
        "GnuTLS does not know the authority; in TLS 1.3 its alert is sealed, only its size shows",
        [handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "failed")],
    )
)
def certificate_rejected_tls13(stage):
    stage.serve(openssl_server())
    command = gnutls_client(SHOP)
    command.remove("--insecure")
    stage.client(command)


@scenario(
    Product(
        "certificate-rejected-tls13-openssl",
        "the same with curl, whose OpenSSL still sends the alert of a TLS 1.3 handshake in clear",
        [handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "failed", alerts=[["client", 48]])],
    )
)
def certificate_rejected_tls13_openssl(stage):
    stage.serve(openssl_server())
    stage.client(curl(SHOP, check=True))


@scenario(
    Product(
        "server-closes",
        "a server that reads the ClientHello and closes without a word; the client protests "
        "(decode_error)",
        [unanswered(SHOP, "TLS 1.3", "failed", alerts=[["client", 50]])],
        crafted="the server is a script over a real TCP connection",
    )
)
def server_closes(stage):
    stage.serve(scripted("closing-server"))
    stage.client(openssl_client(SHOP))


@scenario(
    Product(
        "sslv2-framed-hello",
        "a ClientHello in SSLv2's framing offers TLS 1.0, and a real server of today answers it",
        [
            handshake(
                *[None, "TLSv1", "TLSv1", "client", "failed"],
                sentinel="TLS 1.1",
                alerts=[["server", 50]],
            )
        ],
        crafted="the client is a script over a real TCP connection; it closes after the answer",
        dissected=False,
        shows=("tls.record.version == 0x0002", "tls.handshake.type == 14"),
    )
)
def sslv2_framed_hello(stage):
    stage.serve(openssl_server())
    stage.client(scripted("sslv2-client-tls"))


@scenario(
    Product(
        "sslv2",
        "SSL 2.0 at both ends, as far as the two cleartext hellos",
        [handshake(None, "SSLv2", "SSLv2", "client", "failed")],
        crafted="both ends are scripts over a real TCP connection; they close after the hellos",
        dissected=False,
        shows=("tls.record.version == 0x0002",),
    )
)
def sslv2(stage):
    stage.serve(scripted("sslv2-server"))
    stage.client(scripted("sslv2-client"))


@scenario(
    Product(
        "retry-same-offer",
        "the first try is lost on the way, the client gives up; the second makes the same offer: "
        "no dance. "
        "How the first ends is not in the capture",
        [
            unanswered(SHOP, "TLS 1.3", "inconclusive"),
            handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "completed"),
        ],
        shows=("tcp.analysis.retransmission",),
    )
)
def retry_same_offer(stage):
    stage.middle("--connections", "1", "--kill", "blackhole")
    stage.serve(nginx(stage.folder))
    stage.client(openssl_client(SHOP), seconds=2)
    stage.client(openssl_client(SHOP))


@scenario(
    Product(
        "scanner-probes",
        "one probe per version, highest first, as scanners do, against a TLS 1.2 server: no dance",
        [
            unanswered(SHOP, "TLS 1.3", "failed", alerts=[["server", 70]]),
            handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed"),
            unanswered(SHOP, "TLS 1.1", "failed", alerts=[["server", 70]]),
            unanswered(SHOP, "TLSv1", "failed", alerts=[["server", 70]]),
        ],
    )
)
def scanner_probes(stage):
    stage.serve(nginx(stage.folder, versions=("1.2",)))
    for version in ("1.3", "1.2", "1.1", "1.0"):
        stage.client(openssl_client(SHOP, versions=(version,)))


@scenario(
    Product(
        "two-clients-one-address",
        "behind one address a modern client fails on the certificate, then an old device with "
        "other "
        "suites succeeds with TLS 1.0: no dance",
        [
            handshake(SHOP, "TLS 1.3", "TLS 1.3", "none", "failed", alerts=[["client", 48]]),
            handshake(SHOP, "TLSv1", "TLSv1", "client", "completed", sentinel="TLS 1.1"),
        ],
    )
)
def two_clients_one_address(stage):
    stage.serve(nginx(stage.folder))
    stage.client(curl(SHOP, check=True))
    old = ":-CIPHER-ALL:+3DES-CBC:+CAMELLIA-128-CBC:-KX-ALL:+RSA:-GROUP-ALL"
    stage.client(gnutls_client(SHOP, versions=("1.0",), extra=old))
