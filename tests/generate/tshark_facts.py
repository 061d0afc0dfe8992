"""tshark_facts.py - what tshark reads of every TLS, DTLS and QUIC connection of a capture.

tshark does all the dissecting; this only regroups its PDML, the one output that keeps the tree and so
says which version belongs to which message. Facts are in the words of the sensor's EVE lines.
"""

import os
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

PREFERENCES = (
    "tcp.desegment_tcp_streams:TRUE",
    "tcp.reassemble_out_of_order:TRUE",
    "tls.desegment_ssl_records:TRUE",
    "tls.desegment_ssl_application_data:TRUE",
    "capwap.swap_fc:FALSE",
)
DECODE_AS = ("mpls.label==2000,pwethcw", "udp.port==8472,vxlan")
FILTER = (
    "tls.handshake.type || tls.alert_message || dtls.handshake.type || dtls.alert_message"
    " || quic.header_form == 1"
)
VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
    0xFEFF: "DTLS 1.0",
    0xFEFD: "DTLS 1.2",
    0xFEFC: "DTLS 1.3",
}
RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
CLIENT_HELLO, SERVER_HELLO, SSLV2_SERVER_HELLO = 1, 2, 4
SSLV2_TYPE = "tls.handshake.type"
SSLV2 = 0x0002
LEVELS = {1: "warning", 2: "fatal"}


@dataclass
class Facts:
    """One connection. None: not seen."""

    client: tuple = None
    server: tuple = None
    has_offer: bool = False
    sni: bytes = None
    legacy_version: int = None
    supported_versions: list = None
    has_choice: bool = False
    version: int = None
    ciphers: frozenset = frozenset({None})  # its name and its number: either is right
    hello_retry: bool = False
    alerts: list = field(default_factory=list)  # (sender's address and port, level, description)


def version_name(version):
    if version >> 8 == 0x7F:
        return f"TLS 1.3 draft-{version & 0xFF}"
    return VERSIONS.get(version, f"0x{version:04x}")


def is_grease(version):
    return version & 0x0F0F == 0x0A0A and version >> 8 == version & 0xFF


def read(path):
    """{connection: Facts}, in the order in which tshark numbers them."""
    options = [word for preference in PREFERENCES for word in ("-o", preference)]
    options += [word for rule in DECODE_AS for word in ("-d", rule)]
    found = {}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "WIRESHARK_CONFIG_DIR": home, "LC_ALL": "C.UTF-8"}
        environment.pop("SSLKEYLOGFILE", None)
        tshark = subprocess.Popen(
            ["tshark", "-n", "-r", path, *options, "-Y", FILTER, "-T", "pdml"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        for _, element in ElementTree.iterparse(tshark.stdout):
            if element.tag == "packet":
                _Frame(found).walk(element)
                element.clear()
        if tshark.wait() not in (0, 2):  # 2: the capture's end is damaged
            raise RuntimeError(f"tshark ended with status {tshark.returncode}")
    return found


def _number(element):
    return int(element.get("show"), 0)


class _Frame:
    """One packet on its way through the tree: the transport that is innermost so far, the QUIC
    connection, and what is found below them."""

    def __init__(self, found):
        self.found = found
        self.address = self.ports = self.stream = None

    def walk(self, element):
        for child in element:
            name = child.get("name") or ""
            if child.tag == "proto":
                self._note_layer(name, child)
            if name in ("tls.handshake", "dtls.handshake"):
                self._handshake(child)
            elif name == "tls.record" and any(f.get("name") == SSLV2_TYPE for f in child):
                self._sslv2_message(child)
            elif name in ("tls.alert_message", "dtls.alert_message"):
                self._alert(child)
            else:
                self.walk(child)

    def _note_layer(self, name, layer):
        values = {f.get("name"): f.get("show") for f in layer.iter("field")}
        if name in ("ip", "ipv6"):
            self.address = (values.get(f"{name}.src"), values.get(f"{name}.dst"))
        elif name in ("tcp", "udp"):
            self.ports = tuple(int(values[f"{name}.{end}port"]) for end in ("src", "dst"))
            self.stream = (name, int(values[f"{name}.stream"]))
        elif name == "quic" and "quic.connection.number" in values:
            self.stream = ("quic", int(values["quic.connection.number"]))

    @property
    def _ends(self):
        return tuple(zip(self.address, self.ports))

    def _facts(self):
        return self.found.setdefault(self.stream, Facts())

    def _handshake(self, message):
        values = {}
        for f in message.iter("field"):
            values.setdefault((f.get("name") or "").split(".", 1)[-1], []).append(f)
        if "handshake.type" not in values or "handshake.version" not in values:
            return  # a piece of a message, or one of those that do not count
        kind = _number(values["handshake.type"][0])
        if kind == CLIENT_HELLO:
            self._client_hello(values)
        elif kind == SERVER_HELLO:
            self._server_hello(values)

    def _sslv2_message(self, record):
        """SSLv2's framing: the message's fields stand in the record itself."""
        values = {(f.get("name") or "").split(".", 1)[-1]: f for f in record}
        kind = _number(values["handshake.type"])
        if kind == CLIENT_HELLO:
            self._client_hello({"handshake.version": [values["handshake.version"]]})
        elif kind == SSLV2_SERVER_HELLO:
            facts = self._facts()
            if facts.client is None:
                facts.server, facts.client = self._ends
            facts.has_choice, facts.version = True, SSLV2

    def _client_hello(self, values):
        facts = self._facts()
        if facts.client is None:
            facts.client, facts.server = self._ends
        if facts.has_offer:
            return
        facts.has_offer = True
        facts.legacy_version = _number(values["handshake.version"][0])
        if "handshake.extensions_server_name" in values:
            facts.sni = bytes.fromhex(values["handshake.extensions_server_name"][0].get("value"))
        versions = values.get("handshake.extensions.supported_version")
        if versions is not None:
            facts.supported_versions = [_number(version) for version in versions]

    def _server_hello(self, values):
        facts = self._facts()
        if facts.client is None:
            facts.server, facts.client = self._ends
        random = values.get("handshake.random")
        if random and random[0].get("value") == RETRY_RANDOM:
            facts.hello_retry = True
            return
        if facts.has_choice or "handshake.ciphersuite" not in values:
            return
        facts.has_choice = True
        selected = values.get("handshake.extensions.supported_version")
        facts.version = _number((selected or values["handshake.version"])[0])
        suite = values["handshake.ciphersuite"][0]
        words = suite.get("showname").split()  # "Cipher Suite: NAME (0x1302)"
        facts.ciphers = frozenset({words[2], f"0x{_number(suite):04x}"})

    def _alert(self, message):
        values = {(f.get("name") or "").split(".", 1)[-1]: f for f in message.iter("field")}
        if "alert_message.level" not in values or "alert_message.desc" not in values:
            return  # encrypted
        level, code = (_number(values[f"alert_message.{word}"]) for word in ("level", "desc"))
        self._facts().alerts.append((self._ends[0], LEVELS.get(level, str(level)), code))
