"""oracle.py - what tshark reads in a capture, held against what its label says.

An independent second opinion: nothing here shares code with the sensor. Compared are, per TCP
connection in the order of their start: server name, versions offered and chosen, suite, sentinel,
HelloRetryRequest, resumption, cleartext alerts, and how the connection ended.
"""

import subprocess

VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLS 1.1",
    0x0303: "TLS 1.2",
    0x0304: "TLS 1.3",
}
RETRY_RANDOM = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
SENTINELS = {"444f574e47524401": "TLS 1.2", "444f574e47524400": "TLS 1.1"}
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
RECORD_CHANGE_CIPHER_SPEC = 20
EXTENSION_PRE_SHARED_KEY = 41
SEALED_ALERT_SIZE = 19  # two bytes, their type and the tag: TLS 1.3's smallest record
FIRST_CLIENT_PORT = 32768  # what kernels give to clients; every server here is below
SILENCE_SECONDS = 30  # nothing for this long in a handshake: it has failed
TSHARK_SECONDS = 60
FIELDS = {
    "time": "frame.time_epoch",
    "stream": "tcp.stream",
    "source_port": "tcp.srcport",
    "destination_port": "tcp.dstport",
    "reset": "tcp.flags.reset",
    "fin": "tcp.flags.fin",
    "types": "tls.handshake.type",
    "legacy": "tls.handshake.version",
    "versions": "tls.handshake.extensions.supported_version",
    "sni": "tls.handshake.extensions_server_name",
    "suites": "tls.handshake.ciphersuite",
    "random": "tls.handshake.random",
    "extensions": "tls.handshake.extension.type",
    "records": "tls.record.content_type",
    "opaque": "tls.record.opaque_type",
    "lengths": "tls.record.length",
    "alerts": "tls.alert_message.desc",
}
OPTIONS = ["-o", "tcp.reassemble_out_of_order:TRUE", "-d", "tcp.port==443,tls"]
OPTIONS += ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
BAD_CHECKSUM = "tcp.checksum.status == 0 || ip.checksum.status == 0"


class Error(Exception):
    """tshark could not read a capture."""


def tshark(path, *arguments):
    """tshark's output lines. Its complaint about a capture that was cut short is not one of "
    "ours."""
    result = subprocess.run(
        ["tshark", "-n", "-r", str(path), *OPTIONS, *arguments],
        capture_output=True,
        text=True,
        timeout=TSHARK_SECONDS,
    )
    if result.returncode != 0:
        raise Error(f"tshark {path}: {result.stderr.strip()}")
    return result.stdout.splitlines()


class Connection:
    """What tshark read of one TCP connection."""

    def __init__(self, client_port):
        self.facts = {
            "client_port": client_port,
            "sni": None,
            "version": "UNDETERMINED",
            "offered_max": None,
            "cipher": None,
            "sentinel": None,
            "hello_retry": False,
            "alerts": [],
        }
        self.has_psk = self.has_certificate = False
        self.last_time = 0.0
        self.ended_by = None  # "reset" or "failed": what came first
        self.changed = {"client": False, "server": False}  # ChangeCipherSpec
        self.opaque = {"client": 0, "server": 0}  # size of the first encrypted TLS 1.3 record

    def add(self, frame, suite_names):
        self.last_time = frame["time"]
        sender = "client" if frame["source_port"][0] >= FIRST_CLIENT_PORT else "server"
        if CLIENT_HELLO in frame["types"]:
            self._add_offer(frame)
        if SERVER_HELLO in frame["types"]:
            self._add_choice(frame, suite_names)
        self.has_certificate |= CERTIFICATE in frame["types"]
        self.facts["alerts"] += [[sender, description] for description in frame["alerts"]]
        self.changed[sender] |= RECORD_CHANGE_CIPHER_SPEC in frame["records"]
        if frame["opaque"] and not self.opaque[sender]:
            sealed = [length for length in frame["lengths"] if length != 1]
            self.opaque[sender] = sealed[-len(frame["opaque"])]
        if not self.ended_by and frame["reset"] == [1]:
            self.ended_by = "reset"
        if not self.ended_by and (frame["alerts"] or frame["fin"] == [1]):
            self.ended_by = "failed"

    def _add_offer(self, frame):
        facts = self.facts
        if facts["offered_max"] is None:
            offered = [v for v in frame["versions"] if v in VERSIONS] or frame["legacy"]
            facts["offered_max"] = VERSIONS[max(offered)]
            facts["sni"] = frame["sni"][0] if frame["sni"] else None

    def _add_choice(self, frame, suite_names):
        facts = self.facts
        if frame["random"][0] == RETRY_RANDOM:
            facts["hello_retry"] = True
            return
        facts["version"] = VERSIONS[(frame["versions"] or frame["legacy"])[0]]
        facts["cipher"] = suite_names.get(frame["suites"][0])
        facts["sentinel"] = SENTINELS.get(frame["random"][0][-16:])
        self.has_psk = EXTENSION_PRE_SHARED_KEY in frame["extensions"]

    def concluded(self, end):
        """The facts, with `resumed` and `outcome`. None as outcome: the packets do not tell. `end`
        is the time of the capture's last packet."""
        facts = self.facts
        is_tls13 = facts["version"] == "TLS 1.3"
        if is_tls13:
            went_on = all(self.opaque.values()) and self.opaque["client"] != SEALED_ALERT_SIZE
        else:
            went_on = all(self.changed.values()) and facts["version"] != "UNDETERMINED"
        silent = end - self.last_time > SILENCE_SECONDS
        ended_by = self.ended_by or ("failed" if silent else None)
        facts["outcome"] = "completed" if went_on else ended_by
        facts["resumed"] = self.has_psk if is_tls13 else went_on and not self.has_certificate
        return facts


def read_connections(path, suite_names):
    """The facts of every TCP connection that carries a hello, in the order of their start."""
    arguments = ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", "-E", "separator=|"]
    for name in FIELDS.values():
        arguments += ["-e", name]
    connections = {}
    for line in tshark(path, *arguments):
        frame = _frame(line)
        if not frame["stream"]:
            continue
        ports = frame["source_port"] + frame["destination_port"]
        client_port = max(ports)
        connection = connections.setdefault(frame["stream"][0], Connection(client_port))
        connection.add(frame, suite_names)
    end = max((connection.last_time for connection in connections.values()), default=0.0)
    found = [connections[stream].concluded(end) for stream in sorted(connections)]
    return [f for f in found if f["offered_max"] or f["version"] != "UNDETERMINED"]


def _frame(line):
    frame = dict(zip(FIELDS, (value.split(";") if value else [] for value in line.split("|"))))
    for name in FIELDS:
        if name not in ("time", "sni", "random"):
            frame[name] = [int(value, 0) for value in frame.get(name, [])]
    frame["time"] = float(frame["time"][0])
    return frame


def client_ports(path):
    """The clients' ports of all TCP connections and UDP flows, in the order of their start."""
    ports = {}
    for transport in ("tcp", "udp"):
        fields = ["-e", f"{transport}.stream"]
        fields += ["-e", f"{transport}.srcport", "-e", f"{transport}.dstport"]
        for line in tshark(path, "-T", "fields", *fields):
            if line.strip():
                stream, source, destination = line.split("\t")
                ports.setdefault((transport, int(stream)), max(int(source), int(destination)))
    return [ports[stream] for stream in sorted(ports)]


def complaints(path, expectation, suite_names):
    """What tshark reads otherwise than the label says: a list of texts, empty when all is well."""
    found = []
    tests = expectation["tshark"]
    datagrams = ["-d", f"udp.port==443,{tests.get('datagrams', 'dtls')}"]
    never = [*tests["never"], BAD_CHECKSUM]
    for wanted, expressions in ((True, tests["shows"]), (False, never)):
        for expression in expressions:
            matched = bool(tshark(path, *datagrams, "-Y", expression))
            if matched != wanted:
                found.append(f"{'no' if wanted else 'a'} packet matches {expression}")
    if not tests["dissected"] or "handshakes" not in expectation:
        return found
    connections = read_connections(path, suite_names)
    labels = expectation["handshakes"]
    if len(connections) != len(labels):
        return found + [f"{len(labels)} handshakes on the label, tshark reads {len(connections)}"]
    for number, (label, facts) in enumerate(zip(labels, connections), 1):
        for key, value in label.items():
            if key not in facts:
                continue
            if key == "outcome" and value in ("half_seen", "inconclusive"):
                continue
            if facts[key] != value:
                found.append(f"handshake {number}: {key} is {facts[key]!r}, label says {value!r}")
    return found
