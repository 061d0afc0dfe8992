"""scenarios_history.py - what only a server's past tells: regressions and post-quantum downgrades.

The same tampering as elsewhere, but with every trace in the hellos removed; and what looks like it
without an attacker: mixed pools, servers that never did better, servers of which little is known.
"""

from peers import SMALL_CERTIFICATE, node, openssl_client, openssl_server
from scenario import Product, add_scenario, attack, scenario

SHOP = "shop.example.test"
UP_TO_1_2 = ("1.0", "1.1", "1.2")
KNOWN, WELL_KNOWN = 20, 101  # handshakes: enough, and enough for more than low confidence
HIDDEN_CUT = ("--edit", "cut-versions", "--edit", "answer-random")
MLKEM = "11ec"
CUT_PQ = ("--edit", f"cut-groups:{MLKEM}")
TLS13_ANSWER = "tls.handshake.type == 2 && tls.handshake.extensions.supported_version == 0x0304"
TLS12_ANSWER = "tls.handshake.type == 2 && !(tls.handshake.extensions.supported_version)"
PQ_ANSWER = "tls.handshake.type == 2 && tls.handshake.extensions_key_share_group == 4588"
CLASSICAL_ANSWER = "tls.handshake.type == 2 && tls.handshake.extensions_key_share_group == 29"


def meet(stage, count=1, addresses=()):
    """So many handshakes, from the addresses in turn."""
    for number in range(count):
        bind = ["-bind", f"{addresses[number % len(addresses)]}:0"] if addresses else []
        stage.client(openssl_client(SHOP, *bind), linger=0.05)


def serve(stage, versions=None):
    given = {"versions": versions} if versions else {}
    return stage.serve(openssl_server(*SMALL_CERTIFICATE, **given))


def regression(name, known, confidence, is_shown):
    def play(stage):
        stage.middle("--after", str(known), *HIDDEN_CUT)
        serve(stage)
        meet(stage, known + 1)

    client = Product(
        f"{name}-client-side",
        f"TLS 1.3 is cut out of the ClientHello and the mark in the answer overwritten, after {known} "
        "handshakes in which this server chose TLS 1.3: the only thing that tells before the cut",
        None,
        [attack("server-regression", *confidence)] if confidence else [],
        plays="server-regression",
        is_shown=is_shown,
        shows=(TLS13_ANSWER, TLS12_ANSWER, "tls.alert_message.desc == 51"),
    )
    server = Product(
        f"{name}-server-side",
        "the same behind the cut: the ClientHello still carries what TLS 1.3 needs",
        None,
        [attack("inconsistent-client-hello")],
        tap="server",
        is_shown=False,
        plays="server-regression",
    )
    add_scenario(name, play, [client, server])


regression("regression-hidden", KNOWN, ["low"], True)
regression("regression-hidden-well-known", WELL_KNOWN, ["medium"], False)
regression("regression-hidden-hardly-known", KNOWN - 1, None, False)


@scenario(
    Product(
        "pool-of-versions",
        "a name that several servers answer for: one in six of them ends at TLS 1.2",
        None,
        shows=(TLS13_ANSWER, TLS12_ANSWER),
        plays="server-regression (twin)",
    )
)
def pool_of_versions(stage):
    for round_number in range(5):
        process = serve(stage)
        meet(stage, 5)
        stage.stop(process)
        process = serve(stage, UP_TO_1_2)
        meet(stage)
        stage.stop(process)


@scenario(
    Product(
        "server-updated",
        "a server that ended at TLS 1.2 does 1.3 from some time on",
        None,
        shows=(TLS13_ANSWER, TLS12_ANSWER),
        is_shown=False,
        plays="server-regression (twin)",
    )
)
def server_updated(stage):
    process = serve(stage, UP_TO_1_2)
    meet(stage, KNOWN + 2)
    stage.stop(process)
    serve(stage)
    meet(stage, 3)


@scenario(
    Product(
        "old-client-of-modern-server",
        "a server known for TLS 1.3, and then a client that offers 1.2 at most",
        None,
        shows=(TLS13_ANSWER, TLS12_ANSWER),
        is_shown=False,
        plays="server-regression (twin)",
    )
)
def old_client_of_modern_server(stage):
    serve(stage)
    meet(stage, KNOWN + 2)
    stage.client(openssl_client(SHOP, versions=UP_TO_1_2))


def play_pq(stage, known, middle=(), options=()):
    stage.large_frames()
    stage.middle("--after", str(known), *middle)
    stage.serve(node("server"))
    for _ in range(known):
        stage.client(node("client"), linger=0.05)
    stage.client(node("client", SHOP, *options), linger=0.05)


def pq_attack(name, what, known, middle, client, server, is_shown=False, shows=CLASSICAL_ANSWER):
    """`client` and `server`: the alerts of each side."""
    sides = [("client", client), ("server", server)]
    products = [
        Product(
            f"{name}-{tap}-side",
            what if tap == "client" else "the same behind the cut",
            None,
            alerts,
            tap=tap,
            plays="pq-downgrade",
            shows=(PQ_ANSWER, shows),
            is_shown=is_shown and tap == "client",
        )
        for tap, alerts in sides
    ]
    add_scenario(name, lambda stage: play_pq(stage, known, middle), products, ["node"])


pq_attack(
    "pq-cut",
    "X25519MLKEM768 and its key share are cut out of the ClientHello, and the server, known to take "
    "it, asks for X25519; the ends find out when they cannot decrypt. Behind the cut the second "
    "ClientHello, which was left alone, does not fit the first",
    *[KNOWN, CUT_PQ, [attack("pq-downgrade", "low")], [attack("hello-mismatch")]],
    is_shown=True,
)
pq_attack(
    "pq-cut-well-known",
    "the same after a hundred post-quantum handshakes",
    *[WELL_KNOWN, CUT_PQ, [attack("pq-downgrade", "medium")], [attack("hello-mismatch")]],
)
pq_attack(
    "pq-cut-to-tls12",
    "TLS 1.3 is cut out, and the mark overwritten: below TLS 1.3 there is no such key exchange",
    *[KNOWN, HIDDEN_CUT, [attack("pq-downgrade"), attack("server-regression")]],
    [attack("inconsistent-client-hello")],
    shows=TLS12_ANSWER,
)


@scenario(
    Product(
        "pq-classical-client",
        "a server that takes X25519MLKEM768 meets a client that does not know it",
        None,
        shows=(PQ_ANSWER, CLASSICAL_ANSWER),
        is_shown=False,
        plays="pq-downgrade (twin)",
    ),
    needs=["node"],
)
def pq_classical_client(stage):
    play_pq(stage, KNOWN, options=("TLSv1.3", "X25519:P-256"))


@scenario(
    Product(
        "pq-old-client",
        "a server that takes X25519MLKEM768 meets a client that ends at TLS 1.2",
        None,
        shows=(PQ_ANSWER, TLS12_ANSWER),
        is_shown=False,
        plays="pq-downgrade (twin)",
    ),
    needs=["node"],
)
def pq_old_client(stage):
    play_pq(stage, KNOWN, options=("TLSv1.2",))


@scenario(
    Product(
        "pq-pool",
        "X25519MLKEM768 offered to a name whose servers take it, but for one in five",
        None,
        shows=(PQ_ANSWER, CLASSICAL_ANSWER),
        is_shown=False,
        plays="pq-downgrade (twin)",
    ),
    needs=["node"],
)
def pq_pool(stage):
    for _ in range(6):
        for program, count in ((node("server"), 4), (openssl_server(*SMALL_CERTIFICATE), 1)):
            process = stage.serve(program)
            for _ in range(count):
                stage.client(node("client"), linger=0.05)
            stage.stop(process)


@scenario(
    Product(
        "pq-never-taken",
        "X25519MLKEM768 is offered to a server that does not know it, and takes the client's other "
        "key share",
        None,
        shows=("tls.handshake.type == 1 && tls.handshake.extensions_key_share_group == 4588",
               CLASSICAL_ANSWER),
        never=(PQ_ANSWER,),
        plays="pq-downgrade (twin)",
    ),
    needs=["node"],
)
def pq_never_taken(stage):
    stage.serve(openssl_server(*SMALL_CERTIFICATE))
    for _ in range(3):
        stage.client(node("client"), linger=0.05)
