"""scenarios_stacks.py - nobody on the path, many stacks: every client with every server, limited by
nobody, by the client and by the server; and the scanners that people point at their own servers."""

from itertools import product as pairs_of

from peers import nginx
from scenario import Product, add_scenario, scenario
from stacks import ALL, STACKS
from stage import SERVER_IPV4, SERVER_IPV6

SHOP = "shop.example.test"
NAMES = {"1.0": "TLSv1", "1.1": "TLS 1.1", "1.2": "TLS 1.2", "1.3": "TLS 1.3"}
# Highest version of client and server.
LIMITS = (("1.3", "1.3"), ("1.2", "1.3"), ("1.3", "1.2"), ("1.0", "1.3"), ("1.3", "1.0"))
SHOWN = {  # stacks whose hellos no other capture has
    "stack-nss-nginx-13-13",
    "stack-nss-nginx-10-13",
    "stack-java-openssl-13-12",
    "stack-chromium-nginx-13-13",
    "stack-node-node-13-13",
    "stack-openssl-java-12-13",
}
SCAN_SECONDS = 120


def up_to(version, able=ALL):
    return tuple(v for v in able if v <= version)


def expected(offered, able):
    version = min(offered, able)
    limiter = "none" if version == "1.3" else "client" if offered <= able else "server"
    return {
        "sni": SHOP,
        "version": NAMES[version],
        "offered_max": NAMES[offered],
        "limiter": limiter,
        "outcome": "completed",
    }


def add_meeting(client_name, server_name, offered, able, address=SERVER_IPV4):
    client, server = STACKS[client_name], STACKS[server_name]
    name = f"stack-{client_name}-{server_name}-{offered}-{able}".replace(".", "")
    name += "" if address == SERVER_IPV4 else "-ipv6"

    def play(stage):
        stage.serve(server.server(stage, up_to(able, server.versions)))
        command = client.client(stage, SHOP, up_to(offered, client.versions), address)
        stage.client(command, seconds=client.seconds)

    is_browser = client_name == "chromium"  # which opens as many connections as it likes
    meeting = Product(
        name,
        f"{client_name} that offers {NAMES[offered]} at most and {server_name} that does "
        f"{NAMES[able]} at most",
        None if is_browser else [expected(offered, able)],
        shows=("tls.handshake.type == 2",),
        is_shown=name in SHOWN,
    )
    add_scenario(name, play, [meeting], [*client.needs, *server.needs])


def can_meet(client, server, offered, able):
    """Can the two be set so, and do they have a version in common?"""
    common = set(STACKS[client].versions) & set(STACKS[server].versions)
    if client == "chromium" and offered != "1.3":  # its versions cannot be chosen
        return False
    return offered in common and able in common


def add_meetings():
    clients = [name for name, stack in STACKS.items() if stack.client]
    servers = [name for name, stack in STACKS.items() if stack.server]
    for client, server in pairs_of(clients, servers):
        for offered, able in LIMITS:
            if can_meet(client, server, offered, able):
                add_meeting(client, server, offered, able)
    for client in ("gnutls", "java", "nss", "node", "curl"):
        add_meeting(client, "nginx", "1.3", "1.3", SERVER_IPV6)


def scan(name, what, command, needs, able="1.3", is_shown=False):
    def play(stage):
        stage.serve(nginx(stage.folder, up_to(able)))
        stage.client(command, seconds=SCAN_SECONDS)

    found = Product(name, what, None, is_shown=is_shown, shows=("tls.handshake.type == 2",))
    add_scenario(name, play, [found], needs)


add_meetings()
for able in ("1.3", "1.2"):
    short = able.replace(".", "")
    scan(
        f"sslscan-{short}",
        f"sslscan tries versions, suites and groups of a server that does {NAMES[able]} at most",
        ["sslscan", "--no-colour", f"--sni-name={SHOP}", f"{SERVER_IPV4}:443"],
        *[["sslscan"], able],
    )
    scan(
        f"sslscan-versions-{short}",
        f"sslscan tries versions and the fallback of a server that does {NAMES[able]} at most",
        [
            *["sslscan", "--no-colour", "--no-ciphersuites", "--no-groups", "--no-heartbleed"],
            *["--no-compression", "--no-renegotiation", f"--sni-name={SHOP}", f"{SERVER_IPV4}:443"],
        ],
        *[["sslscan"], able, able == "1.3"],
    )
    scan(
        f"nmap-{short}",
        f"nmap's ssl-enum-ciphers tries versions and suites of a server that does {NAMES[able]} at "
        "most",
        [
            *["nmap", "-n", "-Pn", "-p", "443", "--script", "ssl-enum-ciphers,ssl-cert"],
            *["--script-args", f"tls.servername={SHOP}", SERVER_IPV4],
        ],
        *[["nmap"], able],
    )
    scan(
        f"testssl-{short}",
        f"testssl.sh tries protocols and known holes of a server that does {NAMES[able]} at most",
        [
            *["testssl", "--quiet", "--color", "0", "--nodns", "none", "--ip", SERVER_IPV4],
            *["--protocols", "--tls-fallback", "--freak", "--logjam", "--drown", "--poodle", "--warnings"],
            *["off", f"https://{SHOP}:443/"],
        ],
        *[["testssl"], able],
    )


@scenario(
    Product(
        "poll-of-monitor",
        "a monitor asks with every version, lowest first, and again: no client that falls back",
        None,
        shows=("tls.handshake.type == 2",),
        is_shown=False,
    )
)
def poll_of_monitor(stage):
    stage.serve(nginx(stage.folder, up_to("1.2")))
    for _ in range(2):
        for version in ALL:
            command = STACKS["openssl"].client(stage, SHOP, (version,), SERVER_IPV4)
            stage.client(command, linger=0.05)
