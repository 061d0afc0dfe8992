"""peers.py - the command lines of the real TLS stacks, and the scripted ends where none is left.

Old versions need the security level lowered (OpenSSL) or named in the priority string (GnuTLS); the
stage takes the distribution's own OpenSSL configuration, which forbids them, out of the way.
"""

import sys
from pathlib import Path

from needs import node_program
from stage import SERVER_IPV4, run

PORT = 443
HERE = Path(__file__).resolve().parent
OPENSSL_ANY = ["-cipher", "ALL:@SECLEVEL=0"]
OPENSSL_VERSIONS = {"1.0": "tls1", "1.1": "tls1_1", "1.2": "tls1_2", "1.3": "tls1_3"}
GNUTLS_VERSIONS = {"1.0": "TLS1.0", "1.1": "TLS1.1", "1.2": "TLS1.2", "1.3": "TLS1.3"}
ALL_VERSIONS = ("1.0", "1.1", "1.2", "1.3")


def make_certificates(folder):
    """A certificate authority, a server and a client certificate, all with example names."""
    common = ["-newkey", "rsa:2048", "-nodes", "-days", "3650", "-sha256"]
    run(
        *["openssl", "req", "-x509", *common, "-subj", "/O=Example/CN=Example Laboratory CA"],
        *["-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem"],
    )
    for name, subject in (("server", "shop.example.test"), ("client", "user.example.test")):
        run(
            *["openssl", "req", *common[:-1], "-new", "-subj", f"/CN={subject}", "-sha256"],
            *["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr"],
        )
        extension = Path(folder) / f"{name}.ext"
        extension.write_text(f"subjectAltName=DNS:{subject},DNS:*.example.test\n")
        run(
            *["openssl", "x509", "-req", "-in", f"{folder}/{name}.csr", "-days", "3650"],
            *["-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-CAcreateserial"],
            *["-extfile", str(extension), "-out", f"{folder}/{name}.pem"],
        )
    make_small_certificate(folder)


def make_small_certificate(folder):
    """A self-signed one on a curve: many handshakes in a small capture."""
    run(
        *["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        *["-nodes", "-days", "3650", "-subj", "/CN=shop.example.test"],
        *["-keyout", f"{folder}/small.key", "-out", f"{folder}/small.pem"],
    )


def _openssl_range(versions):
    return [
        f"-no_{option}" for version, option in OPENSSL_VERSIONS.items() if version not in versions
    ]


def openssl_server(*options, versions=ALL_VERSIONS, ciphers=OPENSSL_ANY):
    return [
        *["openssl", "s_server", "-accept", str(PORT), "-cert", "server.pem"],
        *["-key", "server.key", "-quiet", *ciphers, *_openssl_range(versions), *options],
    ]


SMALL_CERTIFICATE = ["-cert", "small.pem", "-key", "small.key", "-num_tickets", "1"]


def openssl_client(name, *options, versions=ALL_VERSIONS, ciphers=OPENSSL_ANY, address=SERVER_IPV4):
    """`name` None sends no server_name."""
    server_name = ["-servername", name] if name else ["-noservername"]
    return [
        *["openssl", "s_client", "-connect", f"[{address}]:{PORT}", *server_name],
        *[*ciphers, *_openssl_range(versions), *options],
    ]


def gnutls_priority(versions, extra=""):
    listed = "".join(f":+VERS-{GNUTLS_VERSIONS[version]}" for version in versions)
    return f"NORMAL:-VERS-ALL{listed}:%VERIFY_ALLOW_SIGN_WITH_SHA1{extra}"


def gnutls_server(*options, versions=("1.3", "1.2", "1.1", "1.0"), extra=""):
    return [
        *["gnutls-serv", "--port", str(PORT), "--echo", "--disable-client-cert", "--quiet"],
        *["--x509certfile", "server.pem", "--x509keyfile", "server.key"],
        *["--priority", gnutls_priority(versions, extra), *options],
    ]


def gnutls_client(name, *options, versions=("1.3", "1.2", "1.1", "1.0"), extra=""):
    return [
        *["gnutls-cli", "--insecure", "--port", str(PORT), "--sni-hostname", name],
        *["--priority", gnutls_priority(versions, extra), *options, SERVER_IPV4],
    ]


def curl(name, *options, check=False):
    """curl asks for one page; with `check` it trusts nobody, so it rejects the laboratory's "
    "server."""
    return [
        *["curl", "--silent", "--show-error", "--max-time", "8", "--noproxy", "*"],
        *["--resolve", f"{name}:{PORT}:{SERVER_IPV4}"],
        *([] if check else ["--insecure"]),
        *[*options, f"https://{name}/"],
    ]


NGINX_CONFIG = """
daemon off;
master_process off;
user root;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen {port} ssl http2;
        listen [::]:{port} ssl http2;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        ssl_protocols {protocols};
        ssl_ciphers ALL:@SECLEVEL=0;
        location / {{ return 200 "a laboratory page\\n"; }}
    }}
}}
"""


def nginx(folder, versions=ALL_VERSIONS):
    """nginx answers several connections at once, which openssl s_server does not."""
    names = {"1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
    protocols = " ".join(names[version] for version in versions)
    config = Path(folder) / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=PORT, protocols=protocols))
    return ["nginx", "-c", str(config), "-p", str(folder), "-e", "stderr"]


def node(kind, name="shop.example.test", *options):
    """Node 24, whose OpenSSL 3.5 takes post-quantum key shares; `kind` is `server` or `client`."""
    script = [node_program(), str(HERE / "node_end.js"), kind]
    return [*script, SERVER_IPV4, str(PORT), name, *options]


def scripted(kind):
    """An end that speaks from a script over a real TCP connection (scripted_end.py)."""
    return [sys.executable, str(HERE / "scripted_end.py"), kind, SERVER_IPV4, str(PORT)]
