"""scenarios_taps.py - two taps of one time, one on each side of whoever rewrites, or of nobody."""

from peers import openssl_client, openssl_server
from scenario import Pair, Product, attack, handshake, scenario

BANK = "bank.example.test"
SHOP = "shop.example.test"


def both(name, what, client, server, kinds, **more):
    """The two sides' products and the pair of them. `client`, `server`: (handshakes, alerts)."""
    shown = more.pop("is_shown", True)
    products = [
        Product(
            f"{name}-{tap}-side",
            f"{what}; the {tap}'s side",
            handshakes,
            alerts,
            tap=tap,
            is_shown=shown,
            **more,
        )
        for tap, handshakes, alerts in (("client", *client), ("server", *server))
    ]
    names = tuple(product.name for product in products)
    plays = more.get("plays", "")
    return *products, Pair(name, f"{what}: both taps", names, kinds, plays, shown)


def completed(name, **more):
    return handshake(name, "TLS 1.3", "TLS 1.3", "none", "completed", **more)


def low(offered, limiter):
    return handshake(
        *[BANK, "TLS 1.2", offered, limiter, "failed"],
        sentinel="TLS 1.2",
        alerts=[["client", 47]],
    )


@scenario(
    *both(
        "taps-cut",
        "supported_versions is cut out of the ClientHello between two taps",
        ([low("TLS 1.3", "downgraded")], [attack("downgrade-sentinel", "high")]),
        ([low("TLS 1.2", "downgraded")], [attack("inconsistent-client-hello")]),
        [
            attack("split-view", "high"),
            attack("downgrade-sentinel", "high"),
            attack("inconsistent-client-hello"),
        ],
        plays="split-view",
    )
)
def taps_cut(stage):
    stage.middle("--edit", "cut-versions")
    stage.serve(openssl_server())
    stage.client(openssl_client(BANK))


def suites_cut():
    return handshake(
        *[BANK, "TLS 1.2", "TLS 1.2", None, "failed"],
        cipher="TLS_RSA_WITH_AES_128_CBC_SHA",
        alerts=[["server", 20]],
    )


@scenario(
    *both(
        "taps-suites",
        "strong suites are cut out of the ClientHello: neither side shows it alone, both do",
        ([suites_cut()], []),
        ([suites_cut()], []),
        [attack("split-view", "high")],
        plays="split-view",
    )
)
def taps_suites(stage):
    stage.middle("--edit", "suites:002f,00ff")
    stage.serve(openssl_server(versions=("1.2",)))
    stage.client(openssl_client(BANK, versions=("1.2",)))


@scenario(
    *both(
        "taps-honest",
        "nobody rewrites anything between two taps: TLS 1.3, and a HelloRetryRequest",
        *[([completed(SHOP), completed(SHOP, hello_retry=True)], [])] * 2,
        [],
        plays="split-view (twin)",
    )
)
def taps_honest(stage):
    stage.serve(openssl_server("-groups", "P-384:X25519"))
    stage.client(openssl_client(SHOP, "-groups", "X25519:P-384"))
    stage.client(openssl_client(SHOP, "-groups", "P-256:P-384"))


@scenario(
    *both(
        "taps-torn",
        "segments are torn, shuffled and doubled between two taps, their bytes stay the same",
        *[([handshake(SHOP, "TLS 1.2", "TLS 1.2", "client", "completed", sentinel="TLS 1.2")], [])]
        * 2,
        [],
        crafted="the box on the path tears, shuffles and doubles; both kernels' connection is real",
        plays="split-view (twin)",
        is_shown=False,
    )
)
def taps_torn(stage):
    stage.middle("--split", "90", "--shuffle", "--duplicate", "--reroute", "3")
    stage.serve(openssl_server())
    stage.client(openssl_client(SHOP, versions=("1.2",)))


@scenario(
    *both(
        "taps-many",
        "eight connections through two taps, the last one's ClientHello is cut in between",
        (None, [attack("downgrade-sentinel", "high")]),
        (None, [attack("inconsistent-client-hello")]),
        [
            attack("split-view", "high"),
            attack("downgrade-sentinel", "high"),
            attack("inconsistent-client-hello"),
        ],
        plays="split-view",
        is_shown=False,
    )
)
def taps_many(stage):
    stage.middle("--after", "7", "--edit", "cut-versions")
    stage.serve(openssl_server())
    for _ in range(8):
        stage.client(openssl_client(BANK), linger=0.05)
