"""scenarios_variants.py - the attacks on TCP connections once more, in every variant that the
laboratory can make of them: what is injected, in whose name, when, how well disguised, over IPv4 and
IPv6, seen from the side that it is sent to.

Only made with `make_captures --all`.
"""

from itertools import product as every

from scenario import Product, add_scenario, attack
from stacks import STACKS
from stage import SERVER_IPV4, SERVER_IPV6

BANK = "bank.example.test"
UP_TO_1_2 = ("1.0", "1.1", "1.2")
ALL = ("1.0", "1.1", "1.2", "1.3")
DELAY = ("--delay", "6")
# What is injected: the words of injection.py, and the kind that it is found as.
INJECTED = {
    "alert": ("alert:40", "injected-alert"),
    "warning": ("alert:0", "injected-alert"),
    "reset": ("rst", "injected-reset"),
    "fin": ("fin", "injected-reset"),
    "hello": ("hello", "injected-hello"),
}
# When: before the genuine answer; behind it, at its place; behind it, where its sender encrypts in
# TLS 1.3; behind the first sealed record of the other side.
MOMENTS = {
    "wins": "",
    "loses": ",on-answer,same-place",
    "behind": ",on-answer",
    "sealed": ",on-data",
}
# How well disguised.
GRADES = {
    "near": ",hops:9",
    "matched": "",
    "crude": ",hops:5,id:31337,window:8192,no-timestamp",
}
FAMILIES = {"ipv4": SERVER_IPV4, "ipv6": SERVER_IPV6}


def add(name, what, plays, play, alerts, may=(), needs=()):
    """`alerts` by tap."""
    products = [
        Product(
            f"{name}-{tap}-side",
            f"{what}; the {tap}'s side",
            None,
            found,
            tap=tap,
            plays=plays,
            may=may,
            dissected=False,
            is_shown=False,
        )
        for tap, found in alerts.items()
    ]
    add_scenario(name, play, products, needs)


def injection_play(words, address, versions):
    def play(stage):
        stage.middle(*DELAY, "--inject", words)
        stage.serve(STACKS["openssl"].server(stage, ALL))
        stage.client(STACKS["openssl"].client(stage, BANK, versions, address))

    return play


def what_is_known(what, name, moment, grade, version):
    """"must", "may" or "never" be found. Behind the whole flight nothing may follow that contradicts a
    packet, and one signal is not enough; a reset behind the handshake is none of its business."""
    is_over = moment == "sealed" and name == "server" and version == "13"
    if what in ("reset", "fin") and is_over:
        return "never"
    if moment == "wins" or (what in ("alert", "hello") and moment == "loses"):
        return "must"
    return "may"


def add_injections():
    choices = every(INJECTED, ("server", "client"), MOMENTS, GRADES, FAMILIES, ("13", "12"))
    for what, name, moment, grade, family, version in choices:
        if what == "hello" and (name == "client" or moment not in ("wins", "loses")):
            continue
        if name == "client" and moment in ("wins", "loses"):
            continue  # the client has nothing to say between its hello and the answer
        if family == "ipv6" and (version == "12" or grade == "crude"):
            continue
        words = INJECTED[what][0] + (",as-client" if name == "client" else "")
        words += MOMENTS[moment] + GRADES[grade]
        versions = ALL if version == "13" else UP_TO_1_2
        kind = INJECTED[what][1]
        known = what_is_known(what, name, moment, grade, version)
        add(
            f"inject-{what}-{name}-{moment}-{grade}-{family}-{version}",
            f"{what} in the {name}'s name, {moment}, {grade}, {family}",
            kind,
            injection_play(words, FAMILIES[family], versions),
            # Behind the receiver of the forged packet it is not on the wire.
            {"client" if name == "server" else "server": [attack(kind)] if known == "must" else []},
            may=(kind,) if known == "may" else (),
        )


add_injections()
