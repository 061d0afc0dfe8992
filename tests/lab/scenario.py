"""scenario.py - what a scenario is: a play on the stage, and the captures that come out of it.

A scenario module registers functions with @scenario(Product(...), ...). The function gets a Stage
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
    handshakes: list
    alerts: list = field(default_factory=list)
    tap: str = "client"
    tap_options: tuple = ()
    transform: object = None  # of captures.py; what it did is told in `crafted`
    crafted: str = ""  # what is not as a real tap would have recorded it; "" for nothing
    shows: tuple = ()  # tshark filters that must match a packet
    never: tuple = ()  # tshark filters that must match none
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
        has_attack = any(alert["class"] == "attack" for alert in self.alerts)
        text["exit_status"] = 1 if has_attack else 0
        text["alerts"] = self.alerts
        text["handshakes"] = [dict(handshake) for handshake in self.handshakes]
        text["tshark"] = {
            "dissected": self.dissected,
            "datagrams": self.datagrams,
            "shows": list(self.shows),
            "never": list(self.never),
        }
        return text


@dataclass
class Scenario:
    name: str
    play: object
    products: list


SCENARIOS = {}


def scenario(*products):
    """Registers a play under its function's name, with dashes."""

    def register(play):
        name = play.__name__.replace("_", "-")
        SCENARIOS[name] = Scenario(name, play, list(products))
        return play

    return register


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
