"""scenarios_injection.py - somebody beside the path: alerts, resets and hellos in another's name.

Nothing genuine is touched: the injector only sees the connection go by and sends packets of its own
(injection.py). What the ends do then is theirs.
"""

from peers import openssl_client, openssl_server
from scenario import Product, attack, handshake, scenario, unanswered
from stage import SERVER_IPV6

BANK = "bank.example.test"
UP_TO_1_2 = ("1.0", "1.1", "1.2")
UP_TO_1_1 = ("1.0", "1.1")
DELAY = ("--delay", "5")  # the server's path takes 10 ms, as seen from the tap at the client


def play(stage, *middle, server=(), client=(), versions=None):
    stage.middle(*middle)
    stage.serve(openssl_server(*server))
    stage.client(openssl_client(BANK, *client, **({"versions": versions} if versions else {})))


def completed(**more):
    return handshake(BANK, "TLS 1.3", "TLS 1.3", "none", "completed", **more)


# tshark takes the genuine bytes under a forged segment for a retransmission and does not read them,
# so these captures are held against filters only.
def beside(name, what, handshakes, alerts, **more):
    return Product(name, what, handshakes, alerts, dissected=False, **more)


@scenario(
    beside(
        "injected-alert-wins",
        "a handshake_failure in the server's name overtakes the ServerHello; eight hops short, and "
        "the server's own answer follows it",
        [{"sni": BANK, "offered_max": "TLS 1.3", "outcome": "failed"}],
        [attack("injected-alert", "high")],
        shows=("tcp.srcport == 443 && ip.ttl == 56 && tls.alert_message.desc == 40",),
    )
)
def injected_alert_wins(stage):
    play(stage, *DELAY, "--inject", "alert:40,hops:8")


@scenario(
    beside(
        "injected-alert-loses",
        "the same alert comes behind the ServerHello, at its sequence number: nobody reads it, the "
        "handshake goes on",
        [completed()],
        [attack("injected-alert", "high")],
        shows=("tcp.srcport == 443 && ip.ttl == 56",),
    )
)
def injected_alert_loses(stage):
    play(stage, "--inject", "alert:40,on-answer,same-place,hops:8")


@scenario(
    beside(
        "injected-alert-matched",
        "the alert of an injector who matches hop limit, identification, timestamp and window: only "
        "the bytes contradict, and the server's going on",
        [{"sni": BANK, "offered_max": "TLS 1.3", "outcome": "failed"}],
        [attack("injected-alert", "medium", "high")],
        shows=("tcp.srcport == 443 && tcp.len == 7",),
    )
)
def injected_alert_matched(stage):
    play(stage, "--inject", "alert:40")


@scenario(
    beside(
        "injected-alert-crude",
        "the alert of a crude injector: its own hop limit and window, no timestamp",
        [{"sni": BANK, "offered_max": "TLS 1.3", "outcome": "failed"}],
        [attack("injected-alert", "high")],
        shows=("tcp.srcport == 443 && tcp.window_size_value == 8192",),
    )
)
def injected_alert_crude(stage):
    play(stage, "--inject", "alert:70,hops:5,id:31337,window:8192,no-timestamp")


@scenario(
    beside(
        "injected-alert-as-client",
        "an alert in the client's name goes to the server, seen at the server's side: the client "
        "goes on as if nothing had happened",
        [{"sni": BANK, "offered_max": "TLS 1.3", "version": "TLS 1.3"}],
        [attack("injected-alert", "medium", "high")],
        tap="server",
        shows=("tcp.dstport == 443 && ip.ttl == 57 && tcp.len == 7",),
    )
)
def injected_alert_as_client(stage):
    play(stage, "--inject", "alert:47,as-client,on-answer,hops:7")


@scenario(
    beside(
        "injected-alert-ipv6",
        "over IPv6, where packets have no identification",
        [{"sni": BANK, "offered_max": "TLS 1.3", "outcome": "failed"}],
        [attack("injected-alert", "high")],
        shows=("tcp.srcport == 443 && ipv6.hlim == 52",),
    )
)
def injected_alert_ipv6(stage):
    stage.middle(*DELAY, "--inject", "alert:80,hops:12")
    stage.serve(openssl_server())
    stage.client(openssl_client(BANK, address=SERVER_IPV6))


@scenario(
    beside(
        "injected-alert-sealed",
        "an alert in clear comes behind the server's flight, when the server encrypts already",
        [{"sni": BANK, "offered_max": "TLS 1.3", "version": "TLS 1.3"}],
        [attack("injected-alert", "medium", "high")],
        shows=("tcp.srcport == 443 && ip.ttl == 56 && tcp.len == 7",),
    )
)
def injected_alert_sealed(stage):
    play(stage, *DELAY, "--inject", "alert:40,on-answer,hops:8")


@scenario(
    beside(
        "injected-alert-too-late",
        "an alert in clear comes when the handshake is over and both sides encrypt",
        [{"sni": BANK, "offered_max": "TLS 1.3", "version": "TLS 1.3", "outcome": "completed"}],
        [attack("injected-alert", "medium", "high")],
        shows=("tcp.srcport == 443 && ip.ttl == 56 && tcp.len == 7",),
    )
)
def injected_alert_too_late(stage):
    play(stage, *DELAY, "--inject", "alert:40,on-data,hops:8")


@scenario(
    beside(
        "injected-reset-as-client",
        "a reset in the client's name goes to the server, seen at the server's side: the client goes "
        "on",
        [{"sni": BANK, "offered_max": "TLS 1.3"}],
        [attack("injected-reset", "medium", "high")],
        tap="server",
        shows=("tcp.dstport == 443 && tcp.flags.reset == 1 && ip.ttl == 57",),
    )
)
def injected_reset_as_client(stage):
    play(stage, *DELAY, "--inject", "rst,as-client,on-answer,hops:7")


@scenario(
    beside(
        "injected-close-notify",
        "a close_notify in the server's name overtakes the ServerHello",
        [{"sni": BANK, "offered_max": "TLS 1.3"}],
        [attack("injected-alert", "medium", "high")],
        shows=("tcp.srcport == 443 && ip.ttl == 56",),
    )
)
def injected_close_notify(stage):
    play(stage, *DELAY, "--inject", "alert:0,hops:8")


@scenario(
    beside(
        "injected-reset-wins",
        "a reset in the server's name overtakes the ServerHello, which follows; eight hops short",
        [{"sni": BANK, "offered_max": "TLS 1.3", "outcome": "reset"}],
        [attack("injected-reset", "medium", "high")],
        shows=("tcp.srcport == 443 && tcp.flags.reset == 1 && ip.ttl == 56",),
    )
)
def injected_reset_wins(stage):
    play(stage, *DELAY, "--inject", "rst,hops:8,times:3")


@scenario(
    beside(
        "injected-reset-matched",
        "the reset of an injector who matches the hop limit: it comes faster than the server's path "
        "allows, and the server goes on",
        [{"sni": BANK, "offered_max": "TLS 1.3", "outcome": "reset"}],
        [attack("injected-reset", "medium", "high")],
        shows=("tcp.srcport == 443 && tcp.flags.reset == 1 && ip.ttl == 64",),
    )
)
def injected_reset_matched(stage):
    play(stage, *DELAY, "--inject", "rst")


@scenario(
    beside(
        "injected-reset-loses",
        "the reset comes behind the ServerHello, with a sequence number of its past: the client "
        "does not believe it",
        [completed()],
        [attack("injected-reset", "low", "medium", "high")],
        shows=("tcp.srcport == 443 && tcp.flags.reset == 1 && ip.ttl == 56",),
    )
)
def injected_reset_loses(stage):
    play(stage, "--inject", "rst,on-answer,same-place,hops:8")


@scenario(
    beside(
        "injected-hello-wins",
        "a forged ServerHello (TLS 1.2, without the mark) overtakes the genuine one",
        [{"sni": BANK, "offered_max": "TLS 1.3", "version": "TLS 1.2"}],
        [attack("injected-hello", "high")],
        shows=("tcp.srcport == 443 && ip.ttl == 55",),
    )
)
def injected_hello_wins(stage):
    play(stage, *DELAY, "--inject", "hello,hops:9")


@scenario(
    beside(
        "injected-hello-loses",
        "the forged ServerHello comes too late, everything else of it matched",
        [completed()],
        [attack("injected-hello", "medium", "high")],
        shows=("tcp.srcport == 443 && tcp.len > 40 && tcp.len < 100",),
    )
)
def injected_hello_loses(stage):
    play(stage, "--inject", "hello,on-answer,same-place")


@scenario(
    beside(
        "injected-fin",
        "a FIN in the server's name overtakes the ServerHello, which follows",
        [{"sni": BANK, "offered_max": "TLS 1.3"}],
        [attack("injected-reset", "medium", "high")],
        shows=("tcp.srcport == 443 && tcp.flags.fin == 1 && ip.ttl == 56",),
    )
)
def injected_fin(stage):
    play(stage, *DELAY, "--inject", "fin,hops:8")


@scenario(
    beside(
        "injected-reset-dance",
        "two handshakes are reset from beside the path, the client falls back without SCSV and ends "
        "with TLS 1.1",
        [
            {"sni": BANK, "offered_max": "TLS 1.3", "outcome": "reset"},
            {"sni": BANK, "offered_max": "TLS 1.2", "outcome": "reset"},
            handshake(BANK, "TLS 1.1", "TLS 1.1", "downgraded", "completed", sentinel="TLS 1.1"),
        ],
        [attack("injected-reset", "medium", "high"), attack("fallback-dance")],
        shows=("tcp.srcport == 443 && tcp.flags.reset == 1 && ip.ttl == 56",),
    )
)
def injected_reset_dance(stage):
    stage.middle(*DELAY, "--connections", "2", "--inject", "rst,hops:8")
    stage.serve(openssl_server())
    for versions in (("1.0", "1.1", "1.2", "1.3"), UP_TO_1_2, UP_TO_1_1):
        stage.client(openssl_client(BANK, versions=versions))


@scenario(
    Product(
        "new-route",
        "from the ClientHello on the server's packets come by a route six hops longer; the server "
        "refuses the offer with a genuine alert",
        [unanswered(BANK, "TLS 1.1", "failed", limiter=None, alerts=[["server", 70]])],
        shows=("tcp.srcport == 443 && ip.ttl == 58 && tls.alert_message.desc == 70",),
    )
)
def new_route(stage):
    stage.middle("--reroute", "6")
    stage.serve(openssl_server(versions=("1.2", "1.3")))
    stage.client(openssl_client(BANK, versions=UP_TO_1_1))


@scenario(
    Product(
        "segments-twice",
        "each segment with payload comes twice, as when the sensor sees a mirror port of both "
        "sides",
        [completed()],
        crafted="the box on the path sends each segment twice",
    )
)
def segments_twice(stage):
    play(stage, "--duplicate")
