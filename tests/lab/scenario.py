"""scenario.py - what a scenario is: a play on the stage, and the captures that come out of it.

A scenario module registers functions with @scenario(Product(...), ...), or add_scenario(). The function gets a Stage
and plays; each product says from which tap its capture comes and what must be found in it. That is
written from what the play does and checked against tshark's reading of the packets (oracle.py),
never against the sensor.
"""

from dataclasses import dataclass, field


@dataclass
class Product:
    """One capture file and what it must show."""

    name: str
    what: str
    handshakes: list  # None: of many, nothing is said of each
    alerts: list = field(default_factory=list)
    tap: str = "client"
    tap_options: tuple = ()
    transform: object = None  # of captures.py; what it did is told in `crafted`
    crafted: str = ""  # what is not as a real tap would have recorded it; "" for nothing
    shows: tuple = ()  # tshark filters that must match a packet
    never: tuple = ()  # tshark filters that must match none
    may: tuple = ()  # kinds that are found or not, as the ends go on or the moment falls
    plays: str = ""  # the kind of attack that is played, also where this tap cannot know it
    is_shown: bool = True  # among those of pcaps/; else only made with --all
    pcapng: bool = False
    dissected: bool = True  # False: tshark does not read these hellos; only `shows` is checked
    datagrams: str = "dtls"  # tshark's protocol for those of the server's port

    @property
    def file_name(self):
        return self.name + (".pcapng" if self.pcapng else ".pcap")

    def expectation(self):
        """The contents of NAME.expected.json, client ports still missing."""
        text = {"what": self.what, "capture": self.file_name}
        if self.crafted:
            text["crafted"] = self.crafted
        text["exit_status"] = exit_status(self.alerts)
        text["plays"] = self.plays or first_attack(self.alerts)
        text["side"] = self.tap
        text["alerts"] = self.alerts
        if self.may:
            text["may"] = list(self.may)
        if self.handshakes is not None:
            text["handshakes"] = [dict(handshake) for handshake in self.handshakes]
        text["tshark"] = {
            "dissected": self.dissected,
            "datagrams": self.datagrams,
            "shows": list(self.shows),
            "never": list(self.never),
        }
        return text


@dataclass
class Pair:
    """Two products of one play, replayed as two taps of one time (`--taps`): no capture of its own,
    only what must be found in both together. Their handshakes are those of both."""

    name: str
    what: str
    of: tuple  # names of the two products
    alerts: list = field(default_factory=list)
    may: tuple = ()  # kinds that are found or not, as the ends go on or the moment falls
    plays: str = ""
    is_shown: bool = True

    def expectation(self, expectations):
        """`expectations` by product name, client ports in them."""
        parts = [expectations[name] for name in self.of]
        listed = [handshake for part in parts for handshake in part.get("handshakes", [])]
        return {
            "what": self.what,
            "captures": [part["capture"] for part in parts],
            "options": ["--taps"],
            "exit_status": exit_status(self.alerts),
            "plays": self.plays or first_attack(self.alerts),
            "side": "both",
            "alerts": self.alerts,
            **({"handshakes": listed} if listed else {}),
        }


def exit_status(alerts):
    return 1 if any(alert["class"] == "attack" for alert in alerts) else 0


def first_attack(alerts):
    return next((alert["kind"] for alert in alerts if alert["class"] == "attack"), "")


@dataclass
class Scenario:
    name: str
    play: object
    products: list
    pairs: list
    needs: tuple  # programs beyond the laboratory's usual ones: keys of needs.py

    @property
    def is_shown(self):
        return any(product.is_shown for product in self.products)


SCENARIOS = {}


def scenario(*products, needs=()):
    """Registers a play under its function's name, with dashes."""

    def register(play):
        add_scenario(play.__name__.replace("_", "-"), play, products, needs)
        return play

    return register


def add_scenario(name, play, products, needs=()):
    """Registers a play that was made, not written: a variant of another."""
    if name in SCENARIOS:
        raise ValueError(f"two scenarios of the name {name}")
    pairs = [product for product in products if isinstance(product, Pair)]
    singles = [product for product in products if isinstance(product, Product)]
    SCENARIOS[name] = Scenario(name, play, singles, pairs, tuple(needs))


def attack(kind, *confidence):
    alert = {"kind": kind, "class": "attack"}
    if confidence:
        alert["confidence"] = list(confidence)
    return alert


def handshake(sni, version, offered_max, limiter, outcome, **more):
    """One expected handshake. The usual is filled in: no sentinel, no retry, not resumed. A limiter
    of None leaves open who set the limit."""
    expected = {
        "sni": sni,
        "version": version,
        "offered_max": offered_max,
        "limiter": limiter,
        "outcome": outcome,
        "sentinel": None,
        "hello_retry": False,
        "resumed": False,
        "alerts": [],
    }
    expected.update(more)
    return expected


def unanswered(sni, offered_max, outcome, limiter="unknown", **more):
    """A ClientHello that got no ServerHello."""
    return handshake(sni, "UNDETERMINED", offered_max, limiter, outcome, **more)
