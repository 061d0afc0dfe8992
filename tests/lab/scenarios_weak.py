"""scenarios_weak.py - weak keys: where a stack still takes them, by a stack; else by a script.

FREAK and Logjam need export suites, which no stack has any more: what the victim sees of them, an
ordinary suite with an export key behind it, comes from a scripted server over a real connection.
GnuTLS still serves any Diffie-Hellman group, and OpenSSL with its security level at 0 takes 1024 bits
(and says no to less) and old curves.
"""

from peers import gnutls_server, openssl_client, openssl_server, scripted
from scenario import Product, attack, handshake, scenario
from stage import run

BANK = "bank.example.test"
ANY = ["-cipher", "ALL:@SECLEVEL=0"]
BY_SCRIPT = "both ends speak from a script over a real TCP connection: no stack does this any more"
SERVER_KEY = "tls.handshake.type == 12"


def weak(name, what, version, limiter, outcome, kinds, cipher=None, **more):
    expected = {"cipher": cipher} if cipher else {}
    for key in ("alerts_sent", "sni"):
        if key in more:
            expected["alerts" if key == "alerts_sent" else key] = more.pop(key)
    record = handshake(expected.pop("sni", BANK), version, version, limiter, outcome, **expected)
    return Product(name, what, [record], kinds, plays=more.pop("plays", ""), **more)


def dh_server(stage, bits):
    """A Diffie-Hellman group of so many bits, made on the spot."""
    run("openssl", "dhparam", "-out", f"{stage.folder}/dh.pem", str(bits))
    options = ("--dhparams", "dh.pem")
    stage.serve(gnutls_server(*options, versions=("1.2",), extra=":-KX-ALL:+DHE-RSA"))


@scenario(
    weak(
        "weak-dh-512",
        "an ordinary suite with a Diffie-Hellman group of 512 bits, as the victim of Logjam sees it",
        *["TLS 1.2", "downgraded", "failed", [attack("weak-key-exchange", "high")]],
        alerts_sent=[["client", 40]],
        shows=(SERVER_KEY,),
    )
)
def weak_dh_512(stage):
    dh_server(stage, 512)
    stage.client(openssl_client(BANK, versions=("1.2",), ciphers=ANY))


@scenario(
    weak(
        "weak-dh-768",
        "a Diffie-Hellman group of 768 bits, less than the configuration wants; servers with old "
        "parameters do so honestly",
        *["TLS 1.2", "client", "failed", [attack("weak-key-exchange", "low")]],
        alerts_sent=[["client", 40]],
        shows=(SERVER_KEY,),
    )
)
def weak_dh_768(stage):
    dh_server(stage, 768)
    stage.client(openssl_client(BANK, versions=("1.2",), ciphers=ANY))


@scenario(
    weak(
        "dh-1024",
        "a Diffie-Hellman group of 1024 bits, as old servers have it: weak, but no sign of an attack",
        *["TLS 1.2", "client", "completed", []],
        shows=(SERVER_KEY,),
        plays="weak-key-exchange (twin)",
    )
)
def dh_1024(stage):
    dh_server(stage, 1024)
    stage.client(openssl_client(BANK, versions=("1.2",), ciphers=ANY))


def curve_pair(stage, client_groups):
    curve = ["-cipher", "ECDHE:@SECLEVEL=0"]
    stage.serve(openssl_server("-groups", "sect163k1", versions=("1.2",), ciphers=curve))
    client = openssl_client(BANK, "-groups", client_groups, versions=("1.2",), ciphers=curve)
    stage.client(client)


@scenario(
    weak(
        "weak-curve",
        "the server chooses sect163k1, which the client offers last, behind strong curves",
        *["TLS 1.2", "client", "completed", [attack("weak-key-exchange", "low")]],
        shows=("tls.handshake.server_named_curve == 1",),
    )
)
def weak_curve(stage):
    curve_pair(stage, "X25519:P-256:sect163k1")


@scenario(
    weak(
        "weak-curve-only",
        "the server chooses sect163k1, and the client offers nothing better",
        *["TLS 1.2", "client", "completed", []],
        shows=("tls.handshake.server_named_curve == 1",),
        plays="weak-key-exchange (twin)",
    )
)
def weak_curve_only(stage):
    curve_pair(stage, "sect163k1")


def by_script(name, what, kinds, cipher, shows=(SERVER_KEY,), **more):
    return weak(
        *[name, what, "TLSv1", "downgraded" if kinds else "client", more.pop("outcome", "failed"), kinds, cipher],
        crafted=BY_SCRIPT,
        shows=shows,
        **more,
    )


def play_script(stage, server, client):
    stage.serve(scripted(server))
    stage.client(scripted(client))


@scenario(
    by_script(
        "freak",
        "an RSA suite without export, and behind it a temporary RSA key of 512 bits (FREAK, before "
        "the attacker)",
        [attack("weak-key-exchange", "high")],
        "TLS_RSA_WITH_AES_128_CBC_SHA",
    )
)
def freak(stage):
    play_script(stage, "weak-server-freak", "weak-client")


@scenario(
    by_script(
        "logjam",
        "a DHE suite without export, and behind it a 512-bit group (Logjam, before the attacker)",
        [attack("weak-key-exchange", "high")],
        "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    )
)
def logjam(stage):
    play_script(stage, "weak-server-logjam", "weak-client")


@scenario(
    by_script(
        "export-chosen",
        "a client that offers ordinary suites, too, is given an export suite",
        [attack("weak-key-exchange", "medium")],
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
    )
)
def export_chosen(stage):
    play_script(stage, "weak-server-export", "weak-client-both")


@scenario(
    by_script(
        "export-only",
        "a client of 1998 that offers export suites only, and gets one",
        [],
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        plays="weak-key-exchange (twin)",
    )
)
def export_only(stage):
    play_script(stage, "weak-server-export", "weak-client-export")
