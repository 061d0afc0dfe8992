"""stacks.py - one way of asking any TLS stack of the laboratory for an end with these versions.

STACKS is a table: what a stack's client and server are called like, which versions they can do, and
what they need. `versions` are words like "1.0". Every server has the small certificate or a store made
of it, every client asks for `name`.
"""

from dataclasses import dataclass
from pathlib import Path

import peers
from stage import SERVER_IPV4, run

HERE = Path(__file__).resolve().parent
ALL = ("1.0", "1.1", "1.2", "1.3")
NODE_NAMES = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
NSS_NAMES = {"1.0": "tls1.0", "1.1": "tls1.1", "1.2": "tls1.2", "1.3": "tls1.3"}
JAVA_SECURITY = "jdk.tls.disabledAlgorithms=\njdk.tls.legacyAlgorithms=\njdk.certpath.disabledAlgorithms=\n"


@dataclass
class Stack:
    client: object  # (stage, name, versions, address) -> command
    server: object  # (stage, versions) -> command; None: it has none
    versions: tuple = ALL
    needs: tuple = ()
    seconds: float = 8.0
    starts_at: str = "1.0"  # lowest version that its client can be made to offer at most


def _openssl_client(_stage, name, versions, address):
    return peers.openssl_client(name, versions=versions, address=address)


def _openssl_server(_stage, versions):
    return peers.openssl_server(*peers.SMALL_CERTIFICATE, versions=versions)


def _gnutls_client(_stage, name, versions, address):
    command = peers.gnutls_client(name, versions=tuple(reversed(versions)))
    return command[:-1] + [address]


def _gnutls_server(_stage, versions):
    return peers.gnutls_server(versions=tuple(reversed(versions)))


def _curl_client(_stage, name, versions, address):
    limits = ["--tlsv" + versions[0], "--tls-max", versions[-1], "--ciphers", "ALL:@SECLEVEL=0"]
    where = ["--resolve", f"{name}:443:{address}"]
    return ["curl", "-s", "--insecure", "--max-time", "8", *limits, *where, f"https://{name}/"]


def _nginx_server(stage, versions):
    return peers.nginx(stage.folder, versions)


def _node_client(_stage, name, versions, address):
    command = peers.node("client", name, NODE_NAMES[versions[-1]])
    return [address if word == SERVER_IPV4 else word for word in command]


def _node_server(_stage, versions):
    return peers.node("server", "-", NODE_NAMES[versions[-1]])


def _nss_client(stage, name, versions, address):
    bounds = f"{NSS_NAMES[versions[0]]}:{NSS_NAMES[versions[-1]]}"
    return ["tstclnt", "-D", "-o", "-Q", "-h", address, "-p", "443", "-a", name, "-V", bounds]


def _java(stage):
    security = Path(stage.folder, "java.security")
    security.write_text(JAVA_SECURITY)
    return ["java", f"-Djava.security.properties={security}", str(HERE / "LabEnd.java")]


def _java_client(stage, name, versions, address):
    listed = [NODE_NAMES[version] for version in versions]
    return [*_java(stage), "client", address, "443", name, *listed]


def _java_server(stage, versions):
    store = Path(stage.folder, "small.p12")
    run(
        *["openssl", "pkcs12", "-export", "-out", str(store), "-passout", "pass:laboratory"],
        *["-in", f"{stage.folder}/small.pem", "-inkey", f"{stage.folder}/small.key"],
    )
    listed = [NODE_NAMES[version] for version in versions]
    return [*_java(stage), "server", "443", str(store), *listed]


def _chromium_client(stage, name, _versions, address):
    return [
        *["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
        *["--disable-background-networking", "--disable-component-update", "--disable-sync"],
        f"--user-data-dir={stage.folder}/chromium",
        *[f"--host-resolver-rules=MAP * {address}", "--ignore-certificate-errors"],
        *["--dump-dom", f"https://{name}/"],
    ]


STACKS = {
    "openssl": Stack(_openssl_client, _openssl_server),
    "gnutls": Stack(_gnutls_client, _gnutls_server),
    "curl": Stack(_curl_client, None),
    "nginx": Stack(None, _nginx_server),
    "node": Stack(_node_client, _node_server, ("1.2", "1.3"), ("node",)),
    "nss": Stack(_nss_client, None, ALL, ("nss",)),
    "java": Stack(_java_client, _java_server, ALL, ("java",)),
    "chromium": Stack(_chromium_client, None, ("1.2", "1.3"), ("chromium",), 15.0),
}
