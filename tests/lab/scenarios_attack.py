"""scenarios_attack.py - somebody on the path: tampered hellos, killed handshakes, retries."""

import time

from peers import gnutls_client, gnutls_server, nginx, openssl_client, openssl_server
from scenario import Product, attack, handshake, scenario, unanswered

SHOP = "shop.example.test"
BANK = "bank.example.test"
UP_TO_1_2 = ("1.0", "1.1", "1.2")
UP_TO_1_1 = ("1.0", "1.1")
# After a hello changed its length, the rest of the connection must still fit together.
SEAMLESS = ("tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment",)
SENSOR_TIMEOUT_SECONDS = 30  # silence in a handshake that ends it


@scenario(
    Product(
        "sentinel-attack-client-side",
        "supported_versions is cut out of the ClientHello on the way; seen before the cut: the "
        "server "
        "answers 1.2 with the sentinel, the client aborts with illegal_parameter",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.3", "downgraded", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 47]],
            )
        ],
        [attack("downgrade-sentinel", "high")],
        never=SEAMLESS,
    ),
    Product(
        "sentinel-attack-server-side",
        "the same attack seen behind the cut: a ClientHello with TLS 1.3's extensions that "
        "offers 1.2",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.2", "downgraded", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 47]],
            )
        ],
        [attack("inconsistent-client-hello")],
        tap="server",
        shows=("tls.handshake.type == 1 && tls.handshake.extension.type == 51",),
        never=SEAMLESS,
    ),
)
def sentinel_attack(stage):
    stage.middle("--edit", "cut-versions")
    stage.serve(openssl_server())
    stage.client(openssl_client(BANK))


@scenario(
    Product(
        "sentinel-attack-list-client-side",
        "only 1.3 is taken out of supported_versions, the list stays; seen before the cut",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.3", "downgraded", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 47]],
            )
        ],
        [attack("downgrade-sentinel", "high")],
        never=SEAMLESS,
    ),
    Product(
        "sentinel-attack-list-server-side",
        "the same seen behind the cut: supported_versions without 1.3, but TLS 1.3's key share",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.2", "downgraded", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 47]],
            )
        ],
        [attack("inconsistent-client-hello")],
        tap="server",
        never=SEAMLESS,
    ),
)
def sentinel_attack_list(stage):
    stage.middle("--edit", "cut-1.3")
    stage.serve(openssl_server())
    stage.client(openssl_client(BANK))


@scenario(
    Product(
        "sentinel-attack-gnutls-client-side",
        "supported_versions cut out between a GnuTLS client and a GnuTLS server; before the cut",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.3", "downgraded", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 47]],
            )
        ],
        [attack("downgrade-sentinel", "high")],
        never=SEAMLESS,
    ),
)
def sentinel_attack_gnutls(stage):
    stage.middle("--edit", "cut-versions")
    stage.serve(gnutls_server())
    stage.client(gnutls_client(BANK))


@scenario(
    Product(
        "lowered-version-client-side",
        "a client of TLS 1.2 is made to ask for 1.1 (legacy_version lowered on the way); before "
        "the cut",
        [
            handshake(
                *[BANK, "TLS 1.1", "TLS 1.2", "downgraded", "failed"],
                sentinel="TLS 1.1",
                alerts=[["client", 47]],
            )
        ],
        [attack("downgrade-sentinel", "high")],
        never=SEAMLESS,
    ),
    Product(
        "lowered-version-server-side",
        "the same behind the cut: a TLS 1.1 offer with signature_algorithms and AEAD suites",
        [
            handshake(
                *[BANK, "TLS 1.1", "TLS 1.1", "downgraded", "failed"],
                sentinel="TLS 1.1",
                alerts=[["client", 47]],
            )
        ],
        [attack("inconsistent-client-hello")],
        tap="server",
        shows=("tls.handshake.type == 1 && tls.handshake.extension.type == 13",),
        never=SEAMLESS,
    ),
)
def lowered_version(stage):
    stage.middle("--edit", "lower:0302")
    stage.serve(openssl_server())
    stage.client(openssl_client(BANK, versions=UP_TO_1_2))


@scenario(
    Product(
        "hidden-sentinel-client-side",
        "the attacker also overwrites the sentinel in the answer: before the cut it looks "
        "server-limited, and only the failed signature (decrypt_error) hints at more",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.3", "server", "failed"],
                alerts=[["client", 51]],
            )
        ],
        plays="server-regression",
        never=SEAMLESS,
    ),
    Product(
        "hidden-sentinel-server-side",
        "the same behind the cut: the ClientHello still carries what TLS 1.3 needs",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.2", "downgraded", "failed"],
                sentinel="TLS 1.2",
                alerts=[["client", 51]],
            )
        ],
        [attack("inconsistent-client-hello")],
        tap="server",
        never=SEAMLESS,
    ),
)
def hidden_sentinel(stage):
    stage.middle("--edit", "cut-versions", "--edit", "answer-random")
    stage.serve(openssl_server())
    stage.client(openssl_client(BANK))


@scenario(
    Product(
        "suites-removed-client-side",
        "the attacker leaves only RSA key exchange with CBC; the ends find out at Finished "
        "(bad_record_mac). The hellos "
        "alone do not show it: no alert, a limit of watching one side",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.2", "client", "failed"],
                cipher="TLS_RSA_WITH_AES_128_CBC_SHA",
                alerts=[["server", 20]],
            )
        ],
        plays="split-view",
        never=SEAMLESS,
    ),
)
def suites_removed(stage):
    stage.middle("--edit", "suites:002f,00ff")
    stage.serve(openssl_server(versions=("1.2",)))
    stage.client(openssl_client(BANK, versions=("1.2",)))


@scenario(
    Product(
        "forged-suite",
        "the ServerHello is changed on the way to a suite the client never offered",
        [
            handshake(
                *[BANK, "TLS 1.2", "TLS 1.2", "client", "failed"],
                cipher="TLS_RSA_WITH_AES_128_CBC_SHA",
                alerts=[["client", 47]],
            )
        ],
        [attack("hello-mismatch")],
        never=SEAMLESS,
    ),
)
def forged_suite(stage):
    stage.middle("--edit", "answer-suite:002f")
    stage.serve(openssl_server(versions=("1.2",)))
    only_modern = ["-cipher", "ECDHE+AESGCM"]
    stage.client(openssl_client(BANK, versions=("1.2",), ciphers=only_modern))


@scenario(
    Product(
        "forged-version",
        "the ServerHello is changed on the way to TLS 1.0; supported_versions offered 1.2 and "
        "1.3 only",
        [
            handshake(
                *[BANK, "TLSv1", "TLS 1.3", None, "failed"],
                alerts=[["client", 70]],
            )
        ],
        [attack("hello-mismatch")],
        never=SEAMLESS,
    ),
)
def forged_version(stage):
    stage.middle("--edit", "answer-version:0301")
    stage.serve(openssl_server(versions=("1.2",)))
    stage.client(openssl_client(BANK, versions=("1.2", "1.3")))


def dance(stage, *middle, scsv=True, seconds=20):
    """A client that falls back by itself, as browsers did until 2015: the real client, restarted
    with lower versions."""
    stage.middle(*middle)
    stage.serve(nginx(stage.folder))
    for versions in (("1.0", "1.1", "1.2", "1.3"), UP_TO_1_2, UP_TO_1_1):
        is_retry = len(versions) < 4
        options = ["-fallback_scsv"] if scsv and is_retry else []
        stage.client(openssl_client(BANK, *options, versions=versions), seconds=seconds)


def killed(version, outcome, **more):
    return unanswered(BANK, version, outcome, **more)


def ended_low(limiter="downgraded"):
    return handshake(BANK, "TLS 1.1", "TLS 1.1", limiter, "completed", sentinel="TLS 1.1")


@scenario(
    Product(
        "dance-reset-scsv",
        "two handshakes are reset on the way, the client falls back with FALLBACK_SCSV; the "
        "third gets "
        "through and the server refuses it with inappropriate_fallback",
        [
            killed("TLS 1.3", "reset"),
            killed("TLS 1.2", "reset", limiter=None),
            killed("TLS 1.1", "failed", limiter=None, alerts=[["server", 86]]),
        ],
        [attack("fallback-dance"), attack("inappropriate-fallback")],
        shows=("tls.handshake.ciphersuite == 0x5600",),
    )
)
def dance_reset_scsv(stage):
    dance(stage, "--connections", "2", "--kill", "reset")


@scenario(
    Product(
        "dance-reset",
        "two handshakes are reset on the way, the client falls back without SCSV and ends with "
        "TLS 1.1",
        [
            killed("TLS 1.3", "reset"),
            killed("TLS 1.2", "reset", limiter=None),
            ended_low(),
        ],
        [attack("fallback-dance")],
        never=("tls.handshake.ciphersuite == 0x5600",),
    )
)
def dance_reset(stage):
    dance(stage, "--connections", "2", "--kill", "reset", scsv=False)


@scenario(
    Product(
        "dance-swallow",
        "two ClientHellos are acknowledged and never answered, the client closes after two seconds "
        "and falls back",
        [
            killed("TLS 1.3", "failed"),
            killed("TLS 1.2", "failed", limiter=None),
            ended_low(),
        ],
        [attack("fallback-dance")],
    )
)
def dance_swallow(stage):
    dance(stage, "--connections", "2", "--kill", "swallow", scsv=False, seconds=2)


@scenario(
    Product(
        "dance-blackhole",
        "two ClientHellos vanish; the client gives up after two seconds each, without a FIN (Linux "
        "cannot send one while it waits for the acknowledgement), and falls back. Only silence "
        "says "
        "that the first two have failed, long after the third succeeded: the capture goes on for "
        "36 "
        "seconds and ends with an honest connection",
        [
            killed("TLS 1.3", "failed", limiter=None),
            killed("TLS 1.2", "failed", limiter=None),
            ended_low(limiter=None),
            handshake("shop.example.test", "TLS 1.3", "TLS 1.3", "none", "completed"),
        ],
        [attack("fallback-dance")],
        shows=("tcp.analysis.retransmission",),
        never=("tcp.flags.fin == 1 && tcp.stream < 2",),
    )
)
def dance_blackhole(stage):
    dance(stage, "--connections", "2", "--kill", "blackhole", scsv=False, seconds=2)
    time.sleep(SENSOR_TIMEOUT_SECONDS + 6)
    stage.client(openssl_client("shop.example.test"))


@scenario(
    Product(
        "dance-alert",
        "two handshakes are answered with a forged handshake_failure, the client falls back",
        [
            killed("TLS 1.3", "failed", alerts=[["server", 40]]),
            killed("TLS 1.2", "failed", limiter=None, alerts=[["server", 40]]),
            ended_low(),
        ],
        [attack("fallback-dance")],
    )
)
def dance_alert(stage):
    dance(stage, "--connections", "2", "--kill", "alert:40", scsv=False)


@scenario(
    Product(
        "dance-close",
        "two handshakes are closed by a forged FIN, the client protests (decode_error) and falls "
        "back",
        [
            killed("TLS 1.3", "failed", alerts=[["client", 50]]),
            killed("TLS 1.2", "failed", limiter=None, alerts=[["client", 50]]),
            ended_low(),
        ],
        [attack("fallback-dance")],
        shows=("tcp.flags.fin == 1 && tcp.srcport == 443",),
    )
)
def dance_close(stage):
    dance(stage, "--connections", "2", "--kill", "close", scsv=False)
